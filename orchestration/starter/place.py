"""Where and in which money a business is, as far as its files say: currency, time zone, name.

Not here: the rest of business.yaml, which nobody can see in a file.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from orchestration.starter.profile import Profile, country_codes

_SIGNS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "zł": "PLN",
    "₹": "INR",
    "EUR": "EUR",
    "USD": "USD",
    "CHF": "CHF",
}
# Where a country has several zones: the one most people live in.
_ZONES = {
    "US": "America/New_York", "CA": "America/Toronto", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
    "MX": "America/Mexico_City", "RU": "Europe/Moscow", "ES": "Europe/Madrid", "PT": "Europe/Lisbon",
    "DE": "Europe/Berlin", "GB": "Europe/London", "CN": "Asia/Shanghai", "NZ": "Pacific/Auckland",
    "CL": "America/Santiago", "UA": "Europe/Kyiv", "ID": "Asia/Jakarta", "FR": "Europe/Paris",
    "AR": "America/Argentina/Buenos_Aires",
}  # fmt: skip

LEAST_SHARE = 0.3  # of the lines go to the country that is taken as the business's own
_NOWHERE = "nothing in the files says where the business is: name yours"


@dataclass(frozen=True)
class Place:
    """Currency and time zone, each with what speaks for it."""

    currency: str
    currency_reason: str
    time_zone: str
    time_zone_reason: str


def guess_place(countries: Iterable[Profile], currencies: Iterable[Profile], amounts: Iterable[Profile]) -> Place:
    """The likeliest place: the country most lines go to, its money and its clock.

    Args:
        countries: columns of countries, of sales lines first.
        currencies: columns of currencies on documents.
        amounts: columns of money, whose texts may have a sign.
    """
    seen: Counter[str] = Counter()
    for column in countries:
        seen.update(country_codes(column.filled[:20_000]))
        if seen:
            break
    country = seen.most_common(1)[0][0] if seen else ""
    share = seen[country] / seen.total() if seen else 0.0
    zone_reason = f"{share:.0%} of the lines go to {country}" if country else _NOWHERE
    if share < LEAST_SHARE:
        zone_reason = f"{zone_reason}: too few to tell; name yours" if country else _NOWHERE
        country = ""
    zone = _zone_of(country)
    money = Counter(v.upper() for column in currencies for v in column.filled[:20_000] if len(v) == 3 and v.isalpha())
    signs = Counter(
        currency
        for column in amounts
        for value in column.filled[:200]
        for sign, currency in _SIGNS.items()
        if sign in value
    )
    if money:
        currency, reason = money.most_common(1)[0][0], "the currency that comes most often"
    elif signs:
        currency, reason = signs.most_common(1)[0][0], "the sign beside the amounts"
    else:
        currency, reason = (
            _currency_of(country) or "USD",
            f"the money of {country}" if country else "nothing in the files says which: name yours",
        )
    return Place(currency, reason, zone or "UTC", zone_reason)


def _zone_of(country: str) -> str:
    from babel.core import get_global

    zones = get_global("territory_zones").get(country, [])
    return _ZONES.get(country) or (str(zones[0]) if len(zones) == 1 else "")


def _currency_of(country: str) -> str:
    from babel.numbers import get_territory_currencies

    found = get_territory_currencies(country) if country else []
    return str(found[0]) if found else ""
