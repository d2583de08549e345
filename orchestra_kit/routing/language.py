"""The language of a request, from its script and its commonest words. No model, no dependency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["LANGUAGES", "UNDETERMINED", "language_of"]

UNDETERMINED = "und"
"""ISO 639-2 for a language that cannot be told."""

_COMMON = {
    "en": "the a an of and to in for with on is are that this it write draw make create about from "
    "at by be as what how please give me my our your i you we explain into do not",
    "es": "el la los las de y en para con un una que es por sobre del al escribe escribir crea haz "
    "dibuja como más su sus cómo qué este esta mi nuestro",
    "fr": "le la les de des du et en pour avec un une que est sur au aux dans écris écrire rédige "
    "crée dessine fais comme plus nos notre votre je nous vous ce cette qui pas",
    "de": "der die das den dem des und in für mit ein eine einen einem einer ist über auf zu von "
    "schreibe schreib erstelle zeichne bitte wie im am nicht mir uns unser unsere ich sie es",
    "it": "il lo la gli le di e in per con un una che è su del della dei delle al scrivi crea "
    "disegna come più nel alla nostro questa questo sono mi",
    "pt": "o a os as de e em para com um uma que é sobre do da dos das no na escreva escreve crie "
    "desenhe faça como mais nosso nossa por não ao",
    "nl": "de het een en van in voor met op is over te schrijf maak teken dat die niet naar bij "
    "aan ons onze wij je ik hoe graag",
    "sv": "och i att det en ett för med på är om av som till skriv rita skapa den inte vi vår från "
    "hur jag du",
    "pl": "i w na z do o dla się jest to nie że napisz stwórz narysuj jak po przez od nasz nasza "
    "proszę oraz",
    "tr": "ve bir bu için ile da de hakkında yaz çiz oluştur olarak çok daha nasıl ne mi bizim "
    "lütfen üzerine",
    "ru": "и в на с о для не что по из напиши нарисуй создай как это к "
    "у от за об статью его мы наш",
    "uk": "і в на з про для не що по із напиши намалюй створи як це та "
    "до від за статтю його ми наш",
}
_WEIGHTS: dict[str, dict[str, float]] = {}
for _language, _words in _COMMON.items():
    for _word in _words.split():
        _WEIGHTS.setdefault(_word, {})[_language] = 1.0
for _shared in _WEIGHTS.values():
    # A word that many languages have says little about which one this is.
    for _language in _shared:
        _shared[_language] = 1.0 / len(_shared)

_LETTERS = {
    "ñ": "es", "¿": "es", "¡": "es", "ß": "de", "ã": "pt", "õ": "pt", "å": "sv", "ł": "pl",
    "ę": "pl", "ą": "pl", "ż": "pl", "ğ": "tr", "ı": "tr", "ş": "tr", "œ": "fr", "ê": "fr",
    "ї": "uk", "є": "uk", "ґ": "uk", "ы": "ru", "э": "ru", "ё": "ru",
}  # fmt: skip
"""Letters that tell neighbours apart; each counts as one common word."""
_SCRIPTS = (
    (0x0370, 0x03FF, "el"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, "ar"),
    (0x0900, 0x097F, "hi"),
    (0x0E00, 0x0E7F, "th"),
    (0x3040, 0x30FF, "ja"),
    (0x4E00, 0x9FFF, "zh"),
    (0xAC00, 0xD7AF, "ko"),
)
"""Scripts that one language of the web mostly writes. Kana anywhere makes Han Japanese."""
LANGUAGES: tuple[str, ...] = (*_COMMON, *(code for _, _, code in _SCRIPTS))
"""What can be told apart."""
_LOOKED_AT = 300


def language_of(text: str, words: Sequence[str]) -> str:
    """ISO 639-1 of a lower-cased text and its words, ``und`` where nothing speaks for any.

    Looks at the first 300 characters and words. Short texts without one common word, and ties,
    are undetermined: a guess would be shown as a fact.
    """
    head = text[:_LOOKED_AT]
    votes: dict[str, float] = {}
    if not head.isascii():
        script = _script_of(head)
        if script:
            return script
        for letter in head:
            if letter in _LETTERS:
                language = _LETTERS[letter]
                votes[language] = votes.get(language, 0.0) + 1.0
    _count(words[:_LOOKED_AT], votes)
    if not votes:
        return UNDETERMINED
    best = max(votes.values())
    winners = [language for language, vote in votes.items() if vote == best]
    return winners[0] if len(winners) == 1 else UNDETERMINED


def _count(words: Iterable[str], votes: dict[str, float]) -> None:
    for word in words:
        weights = _WEIGHTS.get(word)
        if weights:
            for language, weight in weights.items():
                votes[language] = votes.get(language, 0.0) + weight


def _script_of(head: str) -> str:
    """The language that the larger part of the letters says by its script alone."""
    counts: dict[str, int] = {}
    letters = 0
    for letter in head:
        if not letter.isalpha():
            continue
        letters += 1
        point = ord(letter)
        if point < 0x0370:
            continue
        for first, last, language in _SCRIPTS:
            if first <= point <= last:
                counts[language] = counts.get(language, 0) + 1
                break
    if counts.get("ja") and counts.get("zh"):
        counts["ja"] += counts.pop("zh")
    best = max(counts, key=lambda language: counts[language], default="")
    return best if best and counts[best] * 2 > letters else ""
