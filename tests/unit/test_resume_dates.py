"""From when until when, in every form that résumés have, and how many years that is."""

from datetime import date

import pytest

from stagepass.pipelines.resume.parsing.periods import periods
from stagepass.pipelines.resume.parsing.profile import read_profile
from stagepass.pipelines.resume.request import ResumeRequest
from tests.support.resume import profile_of

TODAY = date(2026, 11, 30)
LONG, SHORT = ((2019, 3), (2022, 11)), ((2019, 3), (2021, 2))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *((text, LONG) for text in (
            "2019.03 ~ 2022.11", "2019. 03 ~ 2022. 11", "2019. 03. 02. ~ 2022. 11. 30.", "2019.03.02-2022.11.30", "2019.3월~2022.11월",
            "2019.03.~2022.11.", "2019-03 - 2022-11", "2019-03-02 ~ 2022-11-30", "2019/03~2022/11", "19.03 ~ 22.11", "'19.03 ~ '22.11",
            "’19.3~’22.11", "`19.03 ∼ `22.11", "19년 3월 ~ 22년 11월", "'19년 3월 ~ '22년 11월", "2019년 3월 2일 ~ 2022년 11월 30일",
            "2019년03월~2022년11월", "2019년 3월부터 2022년 11월까지", "２０１９.０３ ～ ２０２２.１１", "２０１９년　３월 〜 ２０２２년　１１월",
            "2019年3月～2022年11月", "201903 ~ 202211", "20190302~20221130", "2019.03(입사) ~ 2022.11(퇴사)", "2019.03 입사 ~ 2022.11 퇴사",
            "입사일: 2019.03 / 퇴사일: 2022.11", "2019.03 to 2022.11", "2019.03 → 2022.11", "2019.03 ⇒ 2022.11", "2019.03 −\n2022.11",
            "2 March 2019 – 5 Nov 2022", "March 2, 2019 – November 5, 2022", "2019 March - 2022 Nov", "03.2019 – 11.2022",
            "02.03.2019 – 30.11.2022", "03/2019 - 11/2022", "03/19 - 11/22", "Mar '19 – Nov '22", "marzo 2019 – noviembre 2022",
            "mars 2019 à novembre 2022", "März 2019 bis November 2022", "marzo de 2019 a noviembre de 2022",
        )),
        *((text, SHORT) for text in (
            "Mar 2019 - Feb 2021", "Mar. 2019 — Feb. 2021", "March 2019 to February 2021", "MAR 2019 through FEB 2021",
            "Mar 2019 until Feb 2021", "[2019.03-2021.02]", "(2019.03∼2021.02)", "Start: Mar 2019, End: Feb 2021",
        )),
        ("2019-2022", ((2019, 0), (2022, 0))),
        ("2019 ~ 22", ((2019, 0), (2022, 0))),
        ("19년 ~ 22년", ((2019, 0), (2022, 0))),
        ("2019.03 ~ 11", ((2019, 3), (2019, 11))),
        ("2019년 3월 ~ 11월", ((2019, 3), (2019, 11))),
        ("2019.03-05", ((2019, 3), (2019, 5))),
        ("Jan – Jun 2020", ((2020, 1), (2020, 6))),
        ("Nov – Feb 2020", ((2019, 11), (2020, 2))),
        ("Summer 2020 – Fall 2021", ((2020, 6), (2021, 11))),
        ("Q1 2019 - Q3 2020", ((2019, 1), (2020, 9))),
        ("2019년 상반기 ~ 2020년 하반기", ((2019, 1), (2020, 12))),
        ("98.03 ~ 01.02", ((1998, 3), (2001, 2))),
        *((text, ((2019, 3), None)) for text in (
            "2019.03 ~ 현재", "2019.03~현재 재직중", "2019.03 ~ 재직 중", "2019년 3월부터 현재까지", "2019.03 ~", "(2019.03 ~)", "2019.03 -",
            "Mar 2019 – Present", "March 2019 to date", "Mar 2019 - now", "since March 2019", "März 2019 – heute", "marzo 2019 – actualidad",
            "2019.03 ~ 나루상사 개발자", "2019.03 ~ ing", "2019年3月～現在",
        )),
    ],
)  # fmt: skip
def test_a_period_is_read_in_every_form(text: str, found: tuple[object, object]) -> None:
    (period,) = periods(text)
    assert (period.start, period.end, period.known) == (*found, True)
    assert period.text in text


@pytest.mark.parametrize(
    "text",
    [
        "생년월일: 1990.05\n- 주소: 전주시", "AWS Solutions Architect, March 2022\n- score 870", "Award 2015\n- best soup of the town",
        "Built a shop with Django in 2019 - it served 300 customers.", "TOEIC 2018.05\n- 905", "010-2019-2022", "체온 36.05 ~ 37.11",
        "12.5 ~ 13.2%", "응답 8.05 ~ 10.11", "2,000 - 2,010", "매출 2000 ~ 2021만원", "2022.03 ~ 2019.02", "Q1 2019", "May I ask, in 2019",
        "정보처리기사 2018.05 취득", "1990.05.01 (만 36세)", "2019.03 입사",
    ],
)  # fmt: skip
def test_what_is_no_period_is_none(text: str) -> None:
    assert periods(text) == []


@pytest.mark.parametrize(
    "text", ["styczeń 2019 – marzec 2021", "2019.03 - ??", "Mar 2019 – 丑月 2021", "2019 – sometime 2021"]
)
def test_an_end_that_is_not_understood_counts_for_nothing(text: str) -> None:
    (period,) = periods(text)
    assert not period.known
    found = read_profile(f"Experience\nAcme Inc, Developer, {text}\n- Built REST services", request(), TODAY)
    assert found.years.value is None
    assert [employer.end for employer in found.employers] == [""]


def request() -> ResumeRequest:
    return ResumeRequest(resume_text="x" * 20)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("경력\n(주)나루 개발자 19.03 ~ 22.11\n- 정산 배치 단축", 3.8),
        ("경력\n(주)나루 2019 ~ 2022 개발자", 3.0),  # from the middle of one year to the middle of the other
        ("경력\n육군 병장 만기전역 2010.01 ~ 2011.10\n(주)나루 개발자 2019.03 ~ 2021.02", 2.0),
        ("경력\n(주)나루 2019.03 ~ 2021.02 개발자\n자격증\n정보보안기사 유효 2019.01 ~ 2026.01", 2.0),
        ("Experience\nAcme Inc, Nurse, Mar 2019 - Feb 2021\nCertifications\nBLS (valid Jan 2015 - Jan 2026)", 2.0),
        ("학력\n가람대학교 2010.03 ~ 2016.02\n경력\n한빛병원 간호사 2019.03 ~ 2021.02", 2.0),
        ("봉사 활동\n푸른복지관 2012.03 ~ 2020.02\n경력\n한빛병원 간호사 2019.03 ~ 2021.02", 2.0),
        ("회계팀 과장\n- 3년간 결산 조정 0건", None),
        ("Accountant\n- Zero adjustments in 3 years\n- Closed the books in 4 days", None),
        ("Bus driver. Best of 40 drivers 3 years in a row.", None),
        ("신입 간호사 7명 프리셉터 담당", None),
        ("Trained new graduates on a 24-bed ward for the hospital.", None),
        ("Entry-level designer with a portfolio of 12 screens.", 0),
        ("신입 디자이너로 지원합니다. 화면 12장을 만들었습니다.", 0),
        ("Worked as a florist for over 6 years in two towns.", 6),
        ("택시 운전 경력 12년 3개월", 12.2),
        ("Pastry chef with twelve years in hotels", 12),
        ("요양보호사 7년. 어르신 12명 돌봄", 7),
    ],
)
def test_years_are_those_of_the_career(text: str, years: float | None) -> None:
    found = read_profile(text, request(), TODAY).years
    assert found.value == years
    assert found.evidence in text


def test_a_year_without_its_month_is_shown_as_it_is_said() -> None:
    (employer,) = profile_of("경력\n(주)나루 | 개발자 | 2019 ~ 2022").employers
    assert (employer.start, employer.end) == ("2019", "2022")
