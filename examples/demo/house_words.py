"""The words of the house itself: where it lies and stores, who sells for it, from whom it buys. Data only.

Not here: what it sells and to whom (vocabulary.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Territory:
    """A sales territory: its code, name and group, and the cities that belong to it ("" is a whole country)."""

    code: str
    name: str
    region: str
    country: str  # code; the first one's where it spans several
    places: tuple[tuple[str, str], ...]  # country code and city


TERRITORIES = (
    Territory("G10", "Nord", "Deutschland Nordwest", "DE", (("DE", "Hamburg"),)),
    Territory("G20", "West", "Deutschland Nordwest", "DE", (("DE", "Köln"),)),
    Territory("G30", "Süd", "Deutschland Südost", "DE", (("DE", "München"),)),
    Territory("G40", "Ost", "Deutschland Südost", "DE", (("DE", "Görlitz"), ("DE", "Frankfurt (Oder)"))),
    Territory("G50", "Österreich", "Ausland", "AT", (("AT", ""),)),
    Territory("G60", "Polen", "Ausland", "PL", (("PL", ""),)),
    Territory("G70", "Benelux & Frankreich", "Ausland", "NL", (("NL", ""), ("BE", ""), ("FR", ""))),
)
STORE_TERRITORY = 1  # the store lies in Köln
MANAGERS = {"Deutschland Nordwest": "VL-1", "Deutschland Südost": "VL-2", "Ausland": "VL-2"}
MANAGER_NAMES = {"VL-1": "Cornelia Weiß", "VL-2": "Stanisław Böhm"}

FIRST_NAMES = (
    "Jürgen", "Zoë", "Björn", "Małgorzata", "Renée", "Hans-Peter", "Søren", "Ümit", "Anna-Lena", "Kęstutis", "Inès",
    "Ruud",
)  # fmt: skip
LAST_NAMES = (
    "Groß", "van der Meer", "Wiśniewski", "O'Brien", "Yılmaz", "Dvořák", "Lefèvre", "Müller-Lüdenscheidt", "Nuß",
    "Çelik", "Ångström",
)  # fmt: skip

# Where goods lie: code, name, kind, city. Each product has one of the warehouses; the store takes from both.
LOCATIONS = (
    ("TROCKEN", "Trockenlager Hürth", "Lager", "Hürth"),
    ("KUEHL", "Kühlhaus Köln-Eifeltor", "Lager", "Köln"),
    ("MARKT", "Abholmarkt Köln", "Markt", "Köln"),
)
DRY, CHILLED, STORE = range(3)
CHILLED_CATEGORIES = frozenset({"Molkereiprodukte", "Tiefkühl", "Feinkost"})
FULL_TAX_CATEGORIES = frozenset({"Getränke", "Haushalt"})  # 19 %; the others are food, 7 %

# Suppliers' names are put together from these; their country in the files decides the currency they think in.
SUPPLIER_NAMES = (
    "Großmarkt Süd", "Käserei Allgäu", "Konservenfabrik Spree", "Zuckerbäcker Lübeck", "Papier & Pflege", "Eiskontor",
    "Delikatessen Périgord", "Ölmühle Åland",
)  # fmt: skip
SUPPLIER_FORMS = ("GmbH", "AG", "KG", "e. G.", "GmbH & Co. KG", "OHG")
SUPPLIER_COUNTRIES = (("DE", 0.6), ("NL", 0.12), ("FR", 0.1), ("IT", 0.1), ("DK", 0.08))

# Currency: euros for one unit of it at the start of 2018, and the daily movement of its logarithm.
CURRENCIES = (("USD", 0.8330, 0.0042), ("GBP", 1.1260, 0.0045), ("CHF", 0.8550, 0.0033), ("PLN", 0.2396, 0.0036))

CAMPAIGNS = ("Newsletter", "Grillsaison", "Messe Köln", "Weihnachtskatalog", "Webshop-Gutschein")
LOST_REASONS = ("Preis", "Wettbewerber", "kein Bedarf", "keine Rückmeldung")
STAGES = ("Kontakt", "Bedarf geklärt", "Angebot", "Verhandlung")  # of an opportunity that is open
