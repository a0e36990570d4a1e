"""Text normalisation as part of a tokenizer, with every piece still tied to the characters it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from rasid.errors import RasidError

# Isolated forms of diacritics, which NFKC decomposes to a space and the mark: that would break the word.
_ISOLATED_MARKS: Final = r"[\uFC5E-\uFC63\uFE70-\uFE7F]+"

# Two of the code points that Unicode keeps for a program's internal use: they stand for a placeholder's closing bracket
# and for the ellipsis while other rules run.
_CLOSING: Final = "\ufdd0"
_ELLIPSIS: Final = "\ufdd1"

# For use inside `[…]`: what AraBERT's published preprocessing keeps, letters of Arabic words and characters alone.
_ARABERT_LETTERS: Final = r"\u0621-\u063A\u0641-\u064A"
_ARABERT_SINGLE: Final = (
    r"\u0653-\u065F\u066A-\u066C\u0671-\u0674\u06DA\u0B4D·—–…٪’‘،؟“”؛»«!\x22#$%'()*+,.:;\-<=>?@\[\\\]^_`{|}~"
)

# Character entities of HTML that news pages leave behind, without their ampersand, by what they become.
_ENTITIES: Final[Mapping[str, str]] = {
    '"': r"quot;?|#0*34;?|#[xX]0*22;?",
    "'": r"apos;|#0*39;?|#[xX]0*27;?",
    "<": r"lt;?|#0*60;?|#[xX]0*3[cC];?",
    ">": r"gt;?|#0*62;?|#[xX]0*3[eE];?",
    "«": r"laquo;?|#171;?",
    "»": r"raquo;?|#187;?",
    "“": r"ldquo;|#8220;?|#[xX]201[cC];?",
    "”": r"rdquo;|#8221;?|#[xX]201[dD];?",
    "‘": r"lsquo;|#8216;?|#[xX]2018;?",
    "’": r"rsquo;|#8217;?|#[xX]2019;?",
    "–": r"ndash;|#8211;?|#[xX]2013;?",
    "—": r"mdash;|#8212;?|#[xX]2014;?",
    "…": r"hellip;|#8230;?|#[xX]2026;?",
    # These end as white space or as characters that AraBERT rejects, which also only separate.
    " ": r"nbsp;?|ensp;|emsp;|thinsp;|zwn?j;|[lr]rm;|shy;?|copy;?|reg;?|bull;|trade;|euro;"
    r"|#(?:160|173|820[1-7]|8226|65279);?|#[xX](?:[aA]0|[aA][dD]|200[bcdefBCDEF]|[fF]{2}[eE][fF]);?",
    # Last, so that `&amp;quot;` does not become a quote.
    "&": r"amp;?|#0*38;?|#[xX]26;?",
}


class NormalizationError(RasidError, ValueError):
    """A normalisation is asked for by a name that this version does not know."""


@dataclass(frozen=True)
class Normalization:
    """What happens to a text before WordPiece sees it, as objects that `tokenizer.json` stores.

    Args:
        name: the name under which a configuration asks for it.
        normalizer: changes characters; the alignment to the original text is kept.
        pre_tokenizer: cuts the normalised text into words and leaves out what stands between them.
        source: where the rules come from.
    """

    name: str
    normalizer: normalizers.Normalizer
    pre_tokenizer: pre_tokenizers.PreTokenizer
    source: str


def _replace(pattern: str, content: str) -> normalizers.Replace:
    return normalizers.Replace(Regex(pattern), content)


def _digits(zero: str) -> list[normalizers.Normalizer]:
    """One replacement for each of the ten digits of a script, by the code point of its zero."""
    return [normalizers.Replace(chr(ord(zero) + value), str(value)) for value in range(10)]


def compact() -> Normalization:
    """The normalisation of the encoder that this project pretrains itself.

    Spellings of one word become one: compatibility forms (shaped letters, ligatures, full width) are decomposed,
    diacritics and all other nonspacing marks, tatweel, and invisible controls (zero-width, bidirectional, variation
    selectors) are removed, the alef with hamza, madda or wasla becomes a bare alef, Persian keheh and yeh become the
    Arabic letters, digits become ASCII, quotes become straight, Latin letters lower-case. Words are then runs of
    Arabic letters, of other letters, or of digits; every other visible character stands alone. White space and control
    characters separate.

    A removed mark at the end of a word is outside the offsets of the word's last piece: they end at the last letter.
    The letters of a decomposed ligature all point to the whole ligature.
    """
    normalizer = normalizers.Sequence(
        [
            _replace(_ISOLATED_MARKS, ""),
            normalizers.NFKC(),
            # Before the marks are removed: the lower case of İ ends in one.
            normalizers.Lowercase(),
            # U+06E5 and U+06E6 are the small waw and yeh of Quranic spelling, letters only in name.
            _replace(r"[\p{Mn}\p{Me}\p{Cf}\u0640\u06E5\u06E6]+", ""),
            _replace("[أإآٱ]", "ا"),
            normalizers.Replace("ک", "ك"),
            normalizers.Replace("ی", "ي"),
            _replace("[“”„‟«»‹›〝〞]", '"'),
            _replace("[‘’‚‛`´′]", "'"),
            *_digits("٠"),
            *_digits("۰"),
        ]
    )
    words = r"\p{Nd}+|[\p{Arabic}&&\p{L}]+|[\p{L}&&[^\p{Arabic}]]+|[^\s\p{Cc}]"
    return Normalization(
        name="compact",
        normalizer=normalizer,
        pre_tokenizer=pre_tokenizers.Split(Regex(words), behavior="removed", invert=True),
        source="Rasid; Unicode Standard Annex 15 for NFKC",
    )


def _placeholder(name: str, pattern: str) -> list[normalizers.Normalizer]:
    r"""Replace what a pattern matches by ` [name]`, aligned to the whole match.

    A replacement is aligned to the last character it replaces alone. The match is therefore replaced in two steps: all
    but its first character, then that one. `_CLOSING` stands for the closing bracket, so that a text that holds
    `رابط]` itself is left as it is.

    Args:
        name: the text between the brackets.
        pattern: has `\K` after the first character of what it matches.
    """
    return [_replace(pattern, f"{name}{_CLOSING} "), _replace(f".(?={name}{_CLOSING})", " [")]


def _addresses() -> list[normalizers.Normalizer]:
    """Web addresses, e-mail addresses and mentions to AraBERT's placeholders, in the published order."""
    # What Python means by a word character; Oniguruma's `\w` has the combining marks as well.
    word = r"\p{L}\p{N}_"
    host = r"[-a-zA-Z0-9@:%._+~#=]"
    rest = rf"\.[a-z]{{2,6}}(?![{word}])[-a-zA-Z0-9@:%_+.~#?&/=]*"
    url = "|".join(
        [
            rf"h\Kttps?://.{host}{{2,256}}{rest}",
            rf"{host}\K{host}{{1,255}}{rest}",
            r"h\Kttps?://[a-zA-Z0-9_\-./~?=%&]+",
            r"w\Kww[a-zA-Z0-9_\-?=%&/.~]+",
            r"(?<![a-zA-Z])[a-zA-Z]\K[a-zA-Z]*\.com",
            r"h\Kttp\S*",
            r"w\Kww\S*",
            r":\K//",
        ]
    )
    return [
        *_placeholder("رابط", url),
        # The look-behinds change nothing in what is matched; they keep long runs from costing quadratic time.
        *_placeholder("بريد", rf"(?<![{word}-])[{word}-]\K[{word}-]*@(?:[{word}-]+\.)+[{word}-]+"),
        *_placeholder("بريد", r"(?<!\S)\S\K\S*@\S+"),
        *_placeholder("مستخدم", rf"@\K[{word}]+"),
        normalizers.Replace(_CLOSING, "]"),
    ]


def _compatibility() -> list[normalizers.Normalizer]:
    """NFKC, save for the ellipsis, a character that AraBERT knows."""
    return [
        _replace(_ISOLATED_MARKS, ""),
        normalizers.Replace("…", _ELLIPSIS),
        normalizers.NFKC(),
        normalizers.Replace(_ELLIPSIS, "…"),
    ]


def _apart() -> str:
    """Runs of digits and of Arabic letters that touch each other.

    The published code sets them apart in two passes, digits before letters and then letters before digits, and each
    pass also cuts at both outer ends of what it matches: `F16` stays one word, the `F` of `F16كم` is cut off.
    The look-behinds that begin a run keep long runs from costing quadratic time.
    """
    letter = f"[{_ARABERT_LETTERS}]"
    return "|".join(
        [
            rf"(?<![0-9])[0-9]+(?={letter})",
            rf"(?<={letter})[0-9]+",
            rf"(?<=[0-9]){letter}+",
            rf"(?<!{letter}){letter}+(?=[0-9]+(?![0-9{_ARABERT_LETTERS}]))",
        ]
    )


def arabert() -> Normalization:
    """The published preprocessing of AraBERT v0.2 (`bert-base-arabertv02`, no segmentation), kept aligned.

    In the published order: HTML entities; the eight diacritics and tatweel removed; web addresses, e-mail addresses and
    mentions to `[رابط]`, `[بريد]`, `[مستخدم]`, each one word aligned to the whole address; HTML tags removed;
    Arabic-Indic digits to ASCII; three or more of one character that is no digit to two (the first and the last);
    slash to hyphen; characters outside the published list left out, emoji and Persian letters among them, so that a
    word is cut where one stood. Hamza, case and quotes stay. White space that the published code inserts around
    characters is a cut between words here, and the words are those of BERT's basic tokenisation.

    A removed mark at the end of a word is outside the offsets of the word's last piece: they end at the last letter.
    What an entity became points to the last character of the entity.

    Different on purpose, because the published code loses text there:

    - Compatibility forms are decomposed (NFKC) where the published code deletes them: Arabic news has whole
      paragraphs in shaped letters, and a precomposed letter may come as two code points. The ellipsis is kept.
    - A tag must begin `<a`, `</a` or `<!`, with any Latin letter; the published code deletes everything from any `<`
      to the next `>`, over paragraphs.

    Different because a `tokenizers` normaliser cannot say it (a replacement is literal, with no reference to what was
    matched; a look-behind has a bounded length) or only with one more pass for each case:

    - Entities outside the list here stay text, numeric ones of letters (`&#1575;`) among them.
    - An address that the published patterns cut into two placeholders is one; `x.comy.com` is one placeholder and text.
    - A placeholder's text glued to a word in the original (`x[رابط]`) is a placeholder.
    - `12مم34abc` gives `34 abc`, the published code `34abc`.
    """
    normalizer = normalizers.Sequence(
        [
            _replace(f"[{_CLOSING}{_ELLIPSIS}]", " "),
            *_compatibility(),
            *(_replace(f"&(?:{names})", character) for character, names in _ENTITIES.items()),
            _replace(r"[\u064B-\u0652\u0640]+", ""),
            *_addresses(),
            _replace(r"</?[a-zA-Z!][^<>]*>", " "),
            *_digits("٠"),
            _replace(r"(\D)\K\1+(?=\1)", ""),
            normalizers.Replace("/", "-"),
        ]
    )
    words = rf"\[(?:رابط|بريد|مستخدم)\]|[0-9a-zA-Z{_ARABERT_LETTERS}]+|[{_ARABERT_SINGLE}]"
    return Normalization(
        name="arabert",
        normalizer=normalizer,
        pre_tokenizer=pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(words), behavior="removed", invert=True),
                pre_tokenizers.Split(Regex(_apart()), behavior="isolated"),
            ]
        ),
        source="https://github.com/aub-mind/arabert/blob/master/preprocess.py (`ArabertPreprocessor`, arabert 1.0.1)",
    )


NORMALIZATIONS: Final[Mapping[str, Callable[[], Normalization]]] = {"arabert": arabert, "compact": compact}


def normalized(tokenizer: Tokenizer, name: str) -> Tokenizer:
    """A copy of a WordPiece tokenizer that normalises text the named way; the tokenizer itself is not changed.

    Args:
        tokenizer: a tokenizer with a BERT WordPiece model.
        name: a name in `NORMALIZATIONS`, or "none" to keep the tokenizer's own normaliser and pre-tokenizer.

    Where the vocabulary lacks a placeholder of `arabert`, an address becomes one unknown piece.

    Wrap the result for `transformers` as `PreTrainedTokenizerFast(tokenizer_object=…)`: from version 5 on,
    `BertTokenizer` puts a normaliser and a pre-tokenizer of its own in place of those in `tokenizer.json`.

    Raises:
        NormalizationError: the name is not known.
    """
    copy = Tokenizer.from_str(tokenizer.to_str())
    if name == "none":
        return copy
    if name not in NORMALIZATIONS:
        known = ", ".join(["none", *sorted(NORMALIZATIONS)])
        raise NormalizationError(f"normalization {name!r} is not known; use one of: {known}")
    normalization = NORMALIZATIONS[name]()
    copy.normalizer = normalization.normalizer
    copy.pre_tokenizer = normalization.pre_tokenizer
    return copy
