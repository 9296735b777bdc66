"""Résumés as people really write them: what is taken for a deed, an employer, a skill, and what is not."""

import pytest

from tests.support.resume import profile_of


def read(text: str) -> tuple[list[tuple[str, str]], set[str]]:
    found = profile_of(text)
    return [(e.name, e.role) for e in found.employers], {deed.text for deed in found.deeds}


@pytest.mark.parametrize(
    ("text", "employers", "deeds"),
    [
        ("수셰프 (2020~현재): 주방 7명, 원가율 38%→31%", [("", "수셰프")], {"주방 7명, 원가율 38%→31%"}),
        ("2023.05~현재: EKS 이전으로 비용 31% 절감", [], {"EKS 이전으로 비용 31% 절감"}),
        ("Role | Data analyst, 3 years\nTasks | Built 12 dashboards in Tableau for sales", [], {"Built 12 dashboards in Tableau for sales"}),
        (
            "■ 경력사항\n2015.03 ~ 2018.06 | 푸른초등학교 | 영양사\n - 하루 850명 급식 식단 작성\n■ 자격증\n영양사 면허증 (2015.02)\n위생사 (2014.12)",
            [("푸른초등학교", "영양사")],
            {"하루 850명 급식 식단 작성"},
        ),
        (
            "[경력]\n· 한마음복지관 (2019.03~2024.05) 사회복지사\n  - 후원금 연 1,200만 원 → 3,400만 원\n[기술] 사례관리, 엑셀\n[자격] 사회복지사 1급 (2016.03)",
            [("한마음복지관", "사회복지사")],
            {"후원금 연 1,200만 원 → 3,400만 원"},
        ),
        (
            "Firefighter/EMT                     Mar 2013 – Present\nDublin City Fire Department\n- Taught fire safety to 3,000 pupils",
            [("Dublin City Fire Department", "Firefighter")],
            {"Taught fire safety to 3,000 pupils"},
        ),
        (
            "2019 – 2023: Head librarian, Maplewood Public Library — ran 14 reading clubs; raised borrowing by 23%",
            [("Maplewood Public Library", "Head librarian")],
            {"ran 14 reading clubs; raised borrowing by 23%"},
        ),
        (
            "Senior Accountant\nAcme Corp — Chicago, IL\nJanuary 2018 – Present\n• Reconciled 120 accounts monthly",
            [("Acme Corp", "Senior Accountant")],
            {"Reconciled 120 accounts monthly"},
        ),
        (
            "홍길동 | 군무원 지원\n육군 병장 만기전역 (2012.01~2013.10)\n경력: 대한경비보안 경비원 2014.02~2020.08, 시설 순찰 하루 6회",
            [("대한경비보안", "경비원")],
            {"시설 순찰 하루 6회"},
        ),
        ("경력\n나루커머스 | 2019.03 ~ 2022.11\n백엔드 개발자 / 주문팀\n- 주문 API 개발", [("나루커머스", "백엔드 개발자")], {"주문 API 개발"}),
        ("Elena Petrova — Dentist\nExperience\nSmile Dental Clinic, Sofia, Dentist (01.09.2014 – 30.06.2022)\n• Treated 18 patients a day\nReferences available upon request", [("Smile Dental Clinic", "Dentist")], {"Treated 18 patients a day"}),
        ("Nurse with 6 years in ICU. Kept CLABSI compliance at 96%.", [], {"Kept CLABSI compliance at 96%"}),
        ("저는 8년차 플로리스트입니다. 웨딩 부케를 연 300건 제작했습니다. 꽃으로 사람을 위로하고 싶습니다.", [], {"웨딩 부케를 연 300건 제작했습니다"}),
        ("Jane Doe\nSenior product leader | Speaker | Coffee lover\nI love to work with people.", [], set()),
        ("김하늘\n언제나 최선을 다하는 백엔드 개발자\n정보처리기사 취득\n2021 우수사원상 수상", [], set()),
        ("- **가입 전환율 31% → 46%** 로 개선", [], {"가입 전환율 31% → 46% 로 개선"}),
        ("Baker at Harbor Kitchen, baked 200 loaves a day", [], {"baked 200 loaves a day"}),
    ],
)  # fmt: skip
def test_a_line_is_split_into_what_it_tells(text: str, employers: list[tuple[str, str]], deeds: set[str]) -> None:
    assert read(text) == (employers, deeds)


@pytest.mark.parametrize(
    ("text", "there", "not_there"),
    [
        ("Mina Seo\nBaker at Harbor Kitchen", set(), {"seo"}),
        ("MINA SEO\nBaker", set(), {"seo"}),
        ("서미나 (Seo Mina)\n제빵사", set(), {"seo"}),
        ("성명: 서미나 SEO MINA\n제빵사로 일했습니다", set(), {"seo"}),
        ("Name: Ruby Swift\nBarista, served 80 guests", set(), {"ruby", "swift"}),
        ("Spring Boot, Kafka", {"spring_boot", "kafka"}, {"spring"}),
        ("Curriculum Vitae\nBaker", set(), {"curriculum"}),
        ("Spring sales rose 20%. Summer was slow.", set(), {"spring"}),
        ("Java, Spring, MySQL", {"spring"}, set()),
        ("I write firmware in C for motor controllers.", {"firmware"}, {"stm32"}),
        ("Built tools in R. Kept 3 reports.", {"r"}, set()),
        ("I know Spring\u00a0Boot and built 3 services", {"spring_boot"}, {"spring"}),
        (
            "Skills: Java Script, Mongo DB, My SQL, Type Script",
            {"javascript", "mongodb", "mysql", "typescript"},
            {"java", "sql"},
        ),
        ("Improved my SQL queries", {"sql"}, {"mysql"}),
        ("ｋｕｂｅｒｎｅｔｅｓ 클러스터를 운영", {"kubernetes"}, set()),
        ("Company: Java House Coffee\nTitle: Barista\nDates: 2016 to 2019\nServed 200 guests", {"barista"}, {"java"}),
        ("ERP 전표 입력과 월 결산을 맡았습니다", {"erp"}, {"sap"}),
        ("CATIA로 금형 설계 도면 작성", {"catia"}, {"solidworks"}),
        ("Excel as a main tool; pivot tables", {"excel"}, set()),
        ("I excel as a leader", set(), {"excel"}),
    ],
)
def test_words_that_are_not_what_they_look_like(text: str, there: set[str], not_there: set[str]) -> None:
    found = {skill.id for skill in profile_of(text).skills}
    assert there <= found
    assert not found & not_there


@pytest.mark.parametrize(
    ("text", "no_gap"),
    [
        ("ICU nurse, 6 years\n- Kept CLABSI bundle compliance at 96%", "infection_control"),
        ("회계 담당자 5년차\n- 스프레드시트로 월 결산 자동화", "excel"),
        ("회계 담당자 5년차\n- 더존으로 전표 월 400건 처리", "sap"),
        ("백엔드 개발자 4년차\n- CI/CD 파이프라인 구축\n- Datadog 모니터링 체계 도입", "github_actions"),
        ("백엔드 개발자 4년차\n- CI/CD 파이프라인 구축\n- Datadog 모니터링 체계 도입", "prometheus"),
        ("영업사원 3년차\n- 단가 조건을 조율해 재계약 14건 체결", "negotiation"),
        ("Marketing manager\n- Grew organic traffic by 40% in a year", "seo"),
    ],
)
def test_what_other_words_show_is_no_gap(text: str, no_gap: str) -> None:
    assert no_gap not in profile_of(text).missing


def test_a_resume_of_no_known_trade_has_no_gaps() -> None:
    assert profile_of("Florist\n- Made 300 bouquets a year for weddings").missing == []
