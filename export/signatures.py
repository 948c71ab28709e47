"""How people give their names: where they introduce themselves, and what stands below a farewell."""

from __future__ import annotations

import re

MOST_PARTS, MOST_WORDS = 5, 5  # of a signature, and of a part of it
LOOK_BACK = 60  # characters before a name that may introduce it
SIGNATURE_LENGTH = 200

# After these a name is the speaker's. "Thanks" is not among them: it may be said to the one who reads.
_FAREWELL = (
    r"(?:with )?(?:(?:best|kind|kindest|warm|warmest|many) )?regards|best wishes|all the best"
    r"|(?:yours )?(?:sincerely|truly|faithfully)|sincerely yours|respectfully"
    r"|mit (?:freundlichen|besten|herzlichen|lieben) gr(?:ü|ue)(?:ß|ss)en"
    r"|(?:viele|liebe|beste|schöne|herzliche|freundliche) gr(?:ü|ue)(?:ß|ss)e|mfg|lg|vg"
    r"|(?:bien )?cordialement|bien à vous|un (?:cordial )?saludo|saludos(?: cordiales)?|atentamente|cordialmente"
    r"|atenciosamente|(?:cordiali|distinti) saluti|met vriendelijke groet(?:en)?|groet(?:en|jes)"
    r"|med (?:venlig|vennlig) hilsen|(?:med )?vänliga? hälsning(?:ar)?|pozdrawiam|z poważaniem|ystävällisin terveisin"
)
_THANKS = r"(?:many |best )?thanks|thank you|cheers|vielen dank|danke|merci|gracias|grazie|obrigad[oa]"
_NAMING = (
    r"my name is|my name['’]s|you(?:['’]re| are) (?:now )?(?:speaking|chatting|talking) (?:with|to)|mein name ist"
    r"|ich heiße|je m['’]appelle|me llamo|mi nombre es|mi chiamo|il mio nome è|meu nome é|mijn naam is|nazywam się"
)
_PERHAPS = r"this is|i am|i['’]m|hier ist|ich bin|soy|sono|ik ben"  # "this is Ann's order" names somebody else
_INTRODUCING = re.compile(rf"(?:(?<!\w)(?:{_NAMING})\s+|(?<!\w)(?:{_FAREWELL})[\s,.!–—-]{{1,6}})\Z", re.IGNORECASE)
_MAYBE = re.compile(rf"(?<!\w)(?:{_PERHAPS})\s+\Z", re.IGNORECASE)
_AND_THEN = re.compile(
    r"\s*,?\s+(?:from|with|at|here|speaking|and|von|vom|aus|und|y|de|del|e|di|van|en)\b", re.IGNORECASE
)
_ENDING = re.compile(
    rf"(?:^|(?<=[.!?…])|(?<=\n))\s*(?P<words>(?P<farewell>{_FAREWELL})|{_THANKS})(?P<comma>[\s,.!–—-]{{1,6}})(?P<rest>\S[^?]*)\Z",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\s*(?:\n|,|\||/| - )\s*")
_TEAM = re.compile(
    r"\b(?:team|support|service|kundenservice|kundendienst|helpdesk|customer care|équipe|equipo)\b", re.I
)
_SENTENCE = re.compile(r"[.!…](?:\s|\Z)")
_INITIALS = re.compile(r"\s*\^\s?[A-Z]{1,3}\Z")


def introduced(text: str, start: int, end: int) -> bool:
    """Say whether the name from `start` to before `end` is the speaker's own, as far as the words around it tell."""
    before = text[max(0, start - LOOK_BACK) : start]
    if _INTRODUCING.search(before):
        return True
    return _MAYBE.search(before) is not None and _AND_THEN.match(text, end) is not None


def signed(text: str, persona: str) -> str:
    r"""Give an agent's turn with its signature made the persona's: the farewell as it was, and the name below it.

    >>> signed("It is on its way. Best regards, Alex / Support Team", "Alex")
    'It is on its way.\nBest regards,\nAlex'
    """
    found = _ENDING.search(text, max(0, len(text) - SIGNATURE_LENGTH))
    if found is not None and _is_signature(found, persona):
        above = text[: found.start()].rstrip()
        return f"{above}\n{found['words']},\n{persona}".lstrip("\n")
    return _INITIALS.sub(f"\n{persona}", text)


def _is_signature(found: re.Match[str], persona: str) -> bool:
    """Say whether what stands below a farewell is nothing but who says it."""
    parts = [part for part in _PARTS.split(found["rest"].strip(" .!\n–—-")) if part]
    if len(parts) > MOST_PARTS or any(len(part.split()) > MOST_WORDS or _SENTENCE.search(part) for part in parts):
        return False
    teams = [_TEAM.search(part) is not None for part in parts]
    if found["farewell"] is None:
        return parts[0] == persona and all(teams[1:])
    return parts[0] == persona or any(teams)
