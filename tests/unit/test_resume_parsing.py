"""What is read from a résumé: words, not parts of words; years; employers; deeds."""

from datetime import date

import pytest

from stagepass.pipelines.resume.models import Deed
from stagepass.pipelines.resume.parsing import deeds as reading
from stagepass.pipelines.resume.parsing.acts import change
from stagepass.pipelines.resume.parsing.contacts import without_contacts
from stagepass.pipelines.resume.parsing.lines import lines_of
from stagepass.pipelines.resume.parsing.profile import language_of, read_profile
from stagepass.pipelines.resume.parsing.skills import named, taxonomy
from stagepass.pipelines.resume.request import ResumeRequest
from tests.support.resume import DATA, ONE_LINE, profile_of

TODAY = date(2026, 11, 22)


def deeds(text: str) -> list[Deed]:
    return reading.deeds(lines_of(text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("JavaScript", {"javascript"}),
        ("자바스크립트로 개발", {"javascript"}),
        ("자바로 개발", {"java"}),
        ("Java, JavaScript", {"java", "javascript"}),
        ("HTML 이메일 email aim", {"html"}),
        ("XML, NoSQL, Javanese, Dockers, pythonic", set()),
        ("C/C++, C#", {"c", "cpp", "csharp"}),
        ("C++ 개발", {"cpp"}),
        ("C# 개발", {"csharp"}),
        ("vitamin C, Series C, C-level, C학점", set()),
        ("Go, Rust, Python", {"go", "rust", "python"}),
        ("golang 서버", {"go"}),
        ("I go to work. Go to market. go live", set()),
        ("Python and R for statistics", {"python", "r", "statistics"}),
        ("R&D 부서, Toys R Us", set()),
        ("k8s와 쿠버네티스", {"kubernetes"}),
        ("스프링부트로 결제 서버 개발", {"spring_boot"}),
        ("Spring Boot", {"spring_boot"}),
        ("joined in spring 2020, Spring semester", set()),
        ("I excel at teamwork and react quickly", set()),
        ("엑셀로 정산, Excel VBA", {"excel"}),
        ("ML 모델", {"machine_learning"}),
        ("10 ml of saline", set()),
        ("Node.js와 Vue.js", {"nodejs", "vue"}),
        ("no experience in Java, but Python", {"python"}),
        ("자바 경험 없음, 파이썬 사용", {"python"}),
        ("Kubernetes는 배우고 싶습니다", set()),
        ("깃허브로 협업", {"git"}),
    ],
)
def test_skills_are_found_by_words(text: str, found: set[str]) -> None:
    assert named(text) == found


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("3년차 개발자", 3),
        ("3년 차 개발자", 3),
        ("3 years of experience", 3),
        ("over five years of backend experience", 5),
        ("경력 4년 6개월", 4.5),
        ("개발 경력: 총 7년", 7),
        ("10년 이상의 영업 경력", 10),
        ("가나상사 2020.01 ~ 2021.12", 2),
        ("가나상사 2020년 1월 - 2020년 6월\n다라물산 2020년 4월 ~ 2020년 12월", 1),  # both at once count once
        ("Acme Inc. | Mar 2019 - Feb 2021", 2),
        ("Acme Inc. 01/2020 - 12/2020", 1),
        ("가나상사 2025.12 ~ 현재", 1),
        ("가람대학교 컴퓨터공학 2010.03 ~ 2014.02", None),
        ("결제 도메인에서 5년간 백엔드를 개발했습니다", 5),
        ("프로젝트\n재고 동기화 (2023.05 ~ 2023.11)\n- 개발", None),
        ("신입 개발자 지원합니다", 0),
        ("만 29세, 3년 연속 우수사원", None),
        ("ten machines and 2 years old children", None),
        ("Backend engineer, 4 years.", 4),
        ("Registered nurse (6 years), night shifts", 6),
        ("4+ yrs senior data engineer", 4),
        ("a 20 years old chef who was a cook 3 years ago", None),
        ("Managed 2 engineers; best team 3 years in a row", None),
    ],
)
def test_years_are_what_the_resume_says_or_its_periods_add_up_to(text: str, years: float | None) -> None:
    found = read_profile(text, ResumeRequest(resume_text="x" * 20), TODAY).years
    assert found.value == years
    assert found.evidence in text
    assert bool(found.evidence) == (years is not None)


def test_employers_have_a_name_a_title_and_a_period() -> None:
    text = "㈜한빛커머스 | 백엔드 개발자 | 2019.03 ~ 2022.05\n새봄테크 (2022.06 ~ 현재) 서버 개발자\n가람대학교 2014.03 ~ 2018.02"
    found = [(e.name, e.role, e.start, e.end) for e in profile_of(text).employers]
    assert found == [
        ("㈜한빛커머스", "백엔드 개발자", "2019-03", "2022-05"),
        ("새봄테크", "서버 개발자", "2022-06", None),
    ]


def test_deeds_are_the_resumes_own_words_with_their_figures_and_without_addresses() -> None:
    text = "김하늘\n이메일: sky@example.com\n전화 010-1234-5678\n- 주문 API 응답 시간을 800ms에서 200ms로 단축\n학력: 가람대학교"
    found = deeds(text)
    assert [(deed.text, deed.kind, deed.numbers) for deed in found] == [
        ("주문 API 응답 시간을 800ms에서 200ms로 단축", "improve", ["800ms", "200ms"])
    ]


def test_a_project_is_no_employer_and_a_company_keeps_its_name() -> None:
    text = (
        "경력\n(주)달빛커머스 | 백엔드 개발자 | 2022.03 ~ 현재\n프로젝트\n실시간 재고 동기화 (2023.05 ~ 2023.11)\n"
        "학력\n한빛대학교 2015.03 ~ 2019.08"
    )
    assert [employer.name for employer in profile_of(text).employers] == ["(주)달빛커머스"]


def test_a_result_stays_with_what_was_done_for_it() -> None:
    text = "- 쿠폰 발급에 Redis 락을 적용해 중복 발급 0건, 초당 3,200건 처리\n- Rebuilt the checkout; conversion rose by 9%"
    assert [deed.text for deed in deeds(text)] == [line.removeprefix("- ") for line in text.splitlines()]


def test_lists_of_skills_titles_and_wishes_are_no_deeds() -> None:
    text = (
        "Data engineer, 5 years of experience in SQL, dbt and Airflow.\n기술 스택\n언어 Java, Kotlin 개발\n경력\n"
        "- 정산 배치 재작성\n- 주문 API 개발\n자기소개\n여러 매장을 운영하는 일을 맡고 싶습니다."
    )
    assert [deed.text for deed in deeds(text)] == ["정산 배치 재작성", "주문 API 개발"]


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("응답 시간을 1.2초에서 180ms로 단축", ("1.2초", "180ms")),
        ("연 매출 14억 원에서 22억 원으로 성장", ("14억 원", "22억 원")),
        ("재고 불일치 월 340건에서 9건으로 감소", ("340건", "9건")),
        ("Grew a newsletter from 8,000 to 52,000 subscribers", ("8,000", "52,000 subscribers")),
        ("fell from 11% to 4%", ("11%", "4%")),
        ("Moved 340 checks from Cypress to Playwright", None),
        ("병원 3곳에서 5명 교육", None),
    ],
)
def test_a_change_has_a_figure_before_and_after(text: str, moved: tuple[str, str] | None) -> None:
    assert change(text) == moved


def test_the_one_line_resume() -> None:
    found = profile_of(ONE_LINE)
    assert (found.field, found.role, found.years.value, found.language) == ("backend", "백엔드 개발자", 3, "ko")
    assert {skill.id for skill in found.skills} == {"spring_boot", "msa", "python", "ec2"}
    assert [deed.text for deed in found.deeds] == [
        "Spring Boot/MSA/Python 기반 커머스 서비스 개발",
        "AWS EC2 운영 경험",
    ]


@pytest.mark.parametrize("resume", DATA, ids=lambda r: f"{r['field']}-{r['language']}")
def test_forty_resumes_are_read(resume: dict[str, object]) -> None:
    text = str(resume["text"])
    found = profile_of(text)
    ids = {skill.id for skill in found.skills}
    assert (found.field, found.language) == (resume["field"], resume["language"])
    assert ids >= set(resume["has"])  # type: ignore[call-overload]
    assert not ids & set(resume["has_not"])  # type: ignore[call-overload]
    assert found.years.value
    assert len(found.deeds) >= 2
    for words in (found.years.evidence, *(s.evidence for s in found.skills), *(d.text for d in found.deeds)):
        assert words in text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("sky@example.com", "[…]"),
        ("010-1234-5678", "[…]"),
        ("01012345678 / +82 10-1234-5678 / (02) 123-4567", "[…] / […] / […]"),
        ("900101-1234567", "[…]"),
        ("주소: 서울시 마포구 | 경력 3년", "주소: […]| 경력 3년"),
        (
            "2020-01-02 ~ 2021.03, 3,200건, 1.2초, 2019-2022, 12-34",
            "2020-01-02 ~ 2021.03, 3,200건, 1.2초, 2019-2022, 12-34",
        ),
        ("Java 17, Spring Boot 3.2, 800ms", "Java 17, Spring Boot 3.2, 800ms"),
    ],
)
def test_contacts_are_masked_and_figures_are_not(text: str, left: str) -> None:
    assert without_contacts(text) == left


def test_a_language_is_told_by_its_letters() -> None:
    assert language_of("React, TypeScript, Next.js 화면 개발") == "ko"
    assert language_of("Worked at 삼성 as an engineer of many things in several countries") == "en"


def test_no_two_skills_share_a_name() -> None:
    for skill in taxonomy().values():
        assert named(f"{skill.name}, {skill.name}") == {skill.id}
