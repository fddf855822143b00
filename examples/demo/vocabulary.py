"""The words of the demo: categories, product and customer names, countries and channels. Data only.

Not here: how they are combined (catalogue.py), the words of the house itself (house_words.py). Umlauts, quotes, commas
and semicolons are in it on purpose.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """One product group: its German name in the files, its yearly season, price range and line size."""

    name: str
    items: tuple[str, ...]
    sizes: tuple[str, ...]
    amplitude: float  # of the yearly season, see trading_days.season
    peak_day: int  # day of the year
    price_cents: tuple[int, int]  # list price per unit in 2019
    line_units: float  # units on a typical line


CATEGORIES = (
    Category(
        "Getränke",
        ("Mineralwasser", "Apfelschorle", "Grüner Tee", "Weißbier alkoholfrei", "Rhabarber-Nektar"),
        ("6 × 0,75 l", "12 × 0,5 l", "1 l"),
        0.40,
        195,
        (490, 1490),
        10.0,
    ),
    Category(
        "Molkereiprodukte",
        ("Bergkäse", "Süßrahmbutter", "Crème fraîche", "Schafskäse", "Quark 40 %"),
        ("1 kg", "250 g", "5 kg Eimer"),
        0.05,
        340,
        (390, 2490),
        6.0,
    ),
    Category(
        "Konserven",
        ("Schältomaten", "Kidneybohnen", "Sauerkraut", "Thunfisch", "Pfirsiche, halbiert"),
        ("2,5 kg", "6 × 400 g", "10 l"),
        0.15,
        20,
        (350, 1890),
        8.0,
    ),
    Category(
        "Süßwaren",
        ("Nougat-Trüffel", "Lebkuchen", "Müsliriegel", "Gummibärchen", "Crème-Waffeln"),
        ("1 kg", "24 × 50 g", "3 kg; lose"),
        0.55,
        340,
        (690, 2990),
        5.0,
    ),
    Category(
        "Haushalt",
        ("Küchenrolle", "Spülmittel", "Müllbeutel", "Frischhaltefolie", "Servietten 33×33, weiß"),
        ("10 Stück", "5 l", "250er-Pack"),
        0.10,
        90,
        (450, 3990),
        4.0,
    ),
    Category(
        "Tiefkühl",
        ("Blätterteig", "Erdbeereis", "Rösti", "Lachsfilet", "Suppengemüse"),
        ("2 kg", "5 l", "40 Stück"),
        0.25,
        190,
        (790, 4990),
        3.0,
    ),
    Category(
        "Feinkost",
        ("Antipasti-Mix", "Gänseleberpastete", "Räucherlachs", "Oliven, gefüllt", "Trüffelöl"),
        ("1 kg", "0,25 l", "500 g"),
        0.45,
        350,
        (990, 6990),
        2.5,
    ),
    Category(
        "Öle & Gewürze",
        ("Olivenöl nativ", "Paprika edelsüß", "Würzsoße", "Meersalz", "Balsamessig"),
        ("5 l", "1 kg", "0,5 l"),
        0.06,
        300,
        (590, 3490),
        4.0,
    ),
)

BRANDS = (
    "Hartwell", "Lowe's Best", "Müller & Söhne", 'Jürgen\'s "Käse-Ecke"', "Łódzka Manufaktura", "Østergård",
    "Casa Peña", "Alpenglück", "Nordsee-Kontor", "Dvořák", 'Haus "Zur Linde"', "Œuvre d'Or",
)  # fmt: skip

# Segment in the files: house names, units per line and share of the customers.
SEGMENTS = (
    (
        "Gastronomie",
        ('Gasthaus "Zum Löwen"', "Ristorante Perù", "Café Größenwahn", "Wirtshaus Möller"),
        1.0,
        0.45,
    ),
    ("Einzelhandel", ("Feinkost Jäger", "Dorfladen Süß", "Kiosk Yıldız", 'Markt "Um die Ecke"'), 1.5, 0.30),
    ("Hotel", ("Hotel Brück", "Pension Seeblick", "Hôtel d'Angleterre", 'Landhotel "Bär"'), 1.2, 0.15),
    ("Kantine", ("Kantine Stahlwerk", "Mensa Süd", "Klinikküche", "Betriebsküche Weiß, Haus 2"), 2.2, 0.10),
)

# Country code in the files: cities, share of the customers, freight in cents.
COUNTRIES = (
    ("DE", ("München", "Köln", "Hamburg", "Görlitz", "Frankfurt (Oder)"), 0.72, 690),
    ("AT", ("Wien", "Sankt Pölten", "Graz"), 0.10, 990),
    ("PL", ("Łódź", "Gdańsk", "Poznań"), 0.08, 1290),
    ("NL", ("Rotterdam", "'s-Hertogenbosch"), 0.05, 990),
    ("BE", ("Liège", "Gent"), 0.03, 990),
    ("FR", ("Besançon", "Évreux"), 0.02, 1290),
)

# Sales channel in the files: its share of the orders in 2019, and how much that share moves a year. What is sold in
# the cash-and-carry store comes through none of them.
CHANNELS = (("TEL", 0.50, -0.035), ("AD", 0.35, -0.01), ("WEB", 0.15, 0.045))
STORE_CHANNEL = "MARKT"

FREIGHT, WRITE_OFF = "FRACHT", "AUSBUCHUNG"  # article codes of lines that are no goods
