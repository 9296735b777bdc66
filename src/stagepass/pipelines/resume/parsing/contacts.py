"""Takes out how to reach a person: a model needs none of it, and a provider's logs are not ours."""

import re

MASK = "[…]"

_CONTACTS = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"  # e-mail
    r"|(?<!\d)\d{6}\s?-\s?[1-8]\d{6}(?!\d)"  # Korean resident number
    r"|(?<![\d.])(?:\+\d{1,3}[\s.-]?)?\(?0?\d{1,3}\)?[\s.-]\d{3,4}[\s.-]\d{4}(?!\d)|(?<!\d)01[016789]\d{7,8}(?!\d)"  # phone
    r"|(?P<label>(?:주소|거주지|생년월일|전화(?:번호)?|연락처|휴대(?:폰|전화)|카카오톡|home address|address|date of birth|birthday|phone|mobile|(?<![A-Za-z])tel)\s{0,4}[:：])[^\n|/]*",
    re.IGNORECASE,
)  # fmt: skip


def without_contacts(text: str) -> str:
    """The text with e-mail addresses, telephone and resident numbers, addresses and dates of birth masked."""
    return _CONTACTS.sub(lambda found: f"{found['label']} {MASK}" if found["label"] else MASK, text)
