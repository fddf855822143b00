"""Names of columns and files as ideas: cut into words, in whatever language, and compared with what a column means.

Not here: the words (words.py), the meanings (meanings.py), and what the values say (matching.py).
"""

import re
import unicodedata
from collections.abc import Container, Iterable
from functools import cache

from orchestration.starter.words import FILLERS, IDEAS

# ö is written oe where keyboards lack it, and o where its dots are dropped; both are looked up.
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae", "å": "a", "ł": "l"})
_LINKS = ("", "s", "n", "en", "e")
_SHORT = ("id", "no", "nr")
_ONLY_LAST = ("on", "at")  # shipped_on is a date, on_hand is none
LEAST_FIT = 0.3


@cache
def _words() -> dict[str, str]:
    """Each word with its idea; the first idea that lists it counts."""
    words: dict[str, str] = {}
    for idea, listed in IDEAS.items():
        words.setdefault(idea, idea)
        for word in listed.split():
            words.setdefault(fold(word), idea)
    return words


def fold(text: str) -> str:
    """Lower case without accents.

    >>> fold("Größe"), fold("Quantité"), fold("Ilość"), fold("Łódź")
    ('groesse', 'quantite', 'ilosc', 'lodz')
    """
    spelled = text.lower().translate(_SPELLED)
    return "".join(c for c in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(c))


def words_of(name: str) -> list[str]:
    """The words of a name, by its capitals, marks and digits.

    >>> words_of("SalesOrderID"), words_of("Lieferzeit (Tage)"), words_of("cust_no"), words_of("OLAPStore2")
    (['sales', 'order', 'id'], ['lieferzeit', 'tage'], ['cust', 'no'], ['olap', 'store'])
    """
    parted = re.sub(r"(?<=[^\W\d_])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W\d_]+", fold(parted)) if word]


def source_name(label: str) -> str:
    """A label as a name that sources.yaml takes; digits within a word stay, those that count files go.

    >>> source_name("superstore_cp1252_shift3y_2024-01"), source_name("Sales2024"), source_name("2024-01")
    ('superstore_cp1252_shift3y', 'sales', '')
    """
    parted = re.sub(r"(?<=[^\W\d_])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", " ", label)
    words = [re.sub(r"(?:^|(?<=[a-z]))(?:(?:19|20)\d\d(?:\d{2}){0,2}|\d{1,2})$|^\d+", "", word)
             for word in re.split(r"[\W_]+", fold(parted))]  # fmt: skip
    return "_".join(word for word in words if word and word.isascii())[:40].strip("_")


def unique(name: str, taken: Container[str]) -> str:
    """The name, numbered where it is taken.

    >>> unique("orders", {"orders", "orders_2"})
    'orders_3'
    """
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


@cache
def ideas_of(name: str) -> tuple[str, ...]:
    """The ideas of a name, in their order; a word nobody knows stands for itself.

    >>> ideas_of("Artikelnummer"), ideas_of("unitprice"), ideas_of("Sub-Category"), ideas_of("Lieferzeit (Tage)")
    (('product', 'id'), ('unit', 'price'), ('subcategory',), ('lead', 'days'))
    >>> ideas_of("N° de commande"), ideas_of("data_zamówienia"), ideas_of("on_hand")
    (('id', 'order'), ('date', 'order'), ('stock',))
    """
    text = re.sub(r"(?i)sub[-_ ]?(cat[a-z]*)", lambda found: f" sub{found[1].lower()} ", name.strip())
    text = re.sub(r"(?i)\bn[°º.]|#", " id ", text)
    whole = fold(re.sub(r"[\W_]", "", name))
    if whole in _words() and whole not in FILLERS and len(whole) > 2:  # USt has capitals within a word
        return (_words()[whole],)
    ideas: list[str] = []
    words = words_of(text)
    is_all_fillers = all(word in FILLERS for word in words)  # Von, Bis
    for place, word in enumerate(words, start=1):
        if word == "art" and place < len(words):
            word = "article"  # art_no is of an article, Art and Kostenart are kinds
        if (
            (word in FILLERS and not is_all_fillers)
            or (len(word) == 1 and ideas)
            or (word in _ONLY_LAST and place < len(words))
        ):
            continue
        for idea in _parts(word) or (word,):
            if idea not in ideas:
                ideas.append(idea)
    return tuple(ideas)


def _parts(word: str) -> tuple[str, ...] | None:
    """The ideas of a word, or of the known words it is put together from."""
    words = _words()
    if word in words:
        return (words[word],)
    if word.endswith("s") and word[:-1] in words:
        return (words[word[:-1]],)
    for cut in range(len(word) - 2, 2, -1):
        head, tail = word[:cut], word[cut:]
        begun = next((words[head.removesuffix(k)] for k in _LINKS if head.endswith(k) and _is_word(head, k)), None)
        if begun is None or (len(tail) < 3 and tail not in _SHORT):
            continue
        rest = _parts(tail)
        if rest is not None:
            return (begun, *rest)
    return None


def _is_word(head: str, link: str) -> bool:
    stem = head[: len(head) - len(link)]
    return len(stem) >= 3 and stem in _words()


@cache
def patterns(listed: str) -> tuple[tuple[frozenset[str], float], ...]:
    """A line of meanings.py as ideas and weights.

    >>> patterns("product id, item .6") == ((frozenset({"product", "id"}), 1.0), (frozenset({"item"}), 0.6))
    True
    """
    found = []
    for part in listed.split(","):
        words = part.split()
        weight = float(words.pop()) if words[-1][0] in ".0123456789" else 1.0
        found.append((frozenset(words), weight))
    return tuple(found)


def fit(ideas: Iterable[str], listed: str, subject: frozenset[str] = frozenset()) -> float:
    """How well a name of these ideas fits what ``listed`` says, 0 to 1.

    Args:
        ideas: the name's ideas.
        listed: a line of meanings.py.
        subject: the ideas of the table's name: ``Name`` in a table of products is a product's name.

    >>> fit(("product", "id"), "product id"), fit(("name",), "product name", frozenset({"product"}))
    (1.0, 0.95)
    >>> fit(("product", "model", "id"), "product id"), fit(("net", "amount", "home"), "net amount")
    (0.5, 0.7)
    """
    own, best = frozenset(ideas), 0.0
    for wanted, weight in patterns(listed):
        if own == wanted:
            share = 1.0
        elif (
            own & wanted
            and own | subject >= wanted
            and (own <= wanted or ("id" not in own and own <= wanted | subject))
        ):
            share = 0.95
        elif wanted < own and "id" in wanted:
            share = 1 - 0.5 * len(own - wanted)  # the id of something else: ProductModelID is no product's
        elif wanted < own:
            share = 1 - 0.3 * len(own - wanted - subject)
        else:
            share = 0.0
        best = max(best, weight * share)
    return round(best, 4) if best >= LEAST_FIT else 0.0
