"""The exports of the books: invoices and payments.

Not here: who owes what (invoicing.py), expenses and exchange rates (expense_files.py).
"""

import numpy as np

from examples.demo.catalogue import Ints
from examples.demo.exported import Exported, Junk, Span, csv_export, document_numbers
from examples.demo.house import House
from examples.demo.invoicing import Invoices, Payments
from examples.demo.text_columns import Texts, dates, joined, look_up, money, numbers

INVOICE_HEADER = (
    "Rechnungsnummer",
    "Belegnummer",
    "Kundennummer",
    "Rechnungsdatum",
    "Fällig am",
    "Netto",
    "USt",
    "Art",
)
PAYMENT_HEADER = ("Zahlungsnummer", "Rechnungsnummer", "Kundennummer", "Buchungstag", "Betrag", "Zahlart")
METHODS = ("Überweisung", "Lastschrift", "Bar")


def invoice_numbers(documents: Ints, credit: Ints, days: Ints) -> Texts:
    """RG and the order's number, or for a credit note GS, the order's number and the day of the return."""
    plain = document_numbers(documents, look_up(["RG-", "GS-"], credit))
    return joined(plain, look_up(["", "-"], credit), dates(np.where(credit == 1, days, 0), "%y%m%d"))


def invoices_csv(house: House, span: Span, invoices: Invoices, dirty_share: float) -> Exported:
    """The invoices and credit notes of a span."""
    columns = [
        invoice_numbers(invoices["document"], invoices["credit"], invoices["day"]),
        document_numbers(invoices["document"]),
        look_up([*house.customers.ids, ""], invoices["customer"]),
        dates(invoices["day"]),
        dates(invoices["due"]),
        money(invoices["net_cents"]),
        money(invoices["tax_cents"]),
        look_up(["Rechnung", "Gutschrift"], invoices["credit"]),
    ]
    junk = Junk(1, "Netto", "k. A.")
    return csv_export(INVOICE_HEADER, columns, seed=house.seed, span=span, junk=junk, dirty_share=dirty_share)


def payments_csv(house: House, span: Span, payments: Payments, dirty_share: float) -> Exported:
    """The payments of a span, whatever the day of their invoices."""
    invoice = invoice_numbers(payments["document"], payments["credit"], payments["invoiced_on"])
    columns = [
        joined("Z", invoice, "/", numbers(payments["part"])),
        invoice,
        look_up([*house.customers.ids, ""], payments["customer"]),
        dates(payments["day"]),
        money(payments["cents"]),
        look_up(METHODS, payments["method"]),
    ]
    junk = Junk(2, "Buchungstag", "31.02.2024")
    return csv_export(PAYMENT_HEADER, columns, seed=house.seed, span=span, junk=junk, dirty_share=dirty_share)
