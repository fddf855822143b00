"""The documents about money: invoices, payments, expenses, exchange rates.

Not here: what was sold (sales.py).
"""

from orchestration.ingestion.entity import MONEY, RATE, Column, Entity

INVOICES = Entity(
    name="invoices",
    grain="One row per invoice or credit note.",
    key=("invoice_id",),
    columns=(
        Column("invoice_id", "text", "The invoice's number.", required=True),
        Column("order_id", "text", "The sales document it is for."),
        Column("customer_id", "text", "The customer."),
        Column("invoiced_on", "date", "The day of the invoice.", required=True),
        Column("due_on", "date", "The day it is due."),
        Column("currency", "text", "The currency it was written in, as in USD; its amounts are in the business's."),
        Column("net_amount", MONEY, "Amount without tax; negative on a credit note.", required=True),
        Column("tax_amount", MONEY, "Tax on it, with its sign.", required=True, default="0"),
    ),
)

PAYMENTS = Entity(
    name="payments",
    grain="One row per payment towards one invoice.",
    key=("payment_id", "invoice_id"),  # one transfer often pays several invoices
    columns=(
        Column("payment_id", "text", "The payment's id.", required=True),
        Column("invoice_id", "text", "The invoice it pays; empty where it is on account."),
        Column("customer_id", "text", "Who paid."),
        Column("paid_on", "date", "The day it came in.", required=True),
        Column("amount", MONEY, "What was paid, tax included; negative for a refund.", required=True),
        Column("method", "text", "How: transfer, card, cash, …"),
    ),
)

EXPENSES = Entity(
    name="expenses",
    grain="One row per expense.",
    key=("expense_id",),
    columns=(
        Column("expense_id", "text", "The expense's id.", required=True),
        Column("incurred_on", "date", "The day it belongs to.", required=True),
        Column("expense_kind", "text", "What for: travel, advertising, freight, salaries, …", required=True),
        Column("amount", MONEY, "The amount, in the business's currency; negative for a refund.", required=True),
        Column("rep_id", "text", "The rep it belongs to."),
        Column("territory_id", "text", "The territory it belongs to."),
        Column("channel", "text", "The sales channel it belongs to."),
        Column("campaign", "text", "The campaign it belongs to."),
        Column("note", "text", "What it was."),
    ),
)

EXCHANGE_RATES = Entity(
    name="exchange_rates",
    grain="One row per day and pair of currencies.",
    key=("rate_date", "from_currency", "to_currency"),
    revalues_sales=True,
    columns=(
        Column("rate_date", "date", "The day from which the rate holds, until the next one.", required=True),
        Column("from_currency", "text", "The currency that is changed, as in USD.", required=True),
        Column("to_currency", "text", "The currency it is changed into, as in EUR.", required=True),
        Column("rate", RATE, "Units of to_currency for one of from_currency.", required=True),
    ),
)

ENTITIES = (INVOICES, PAYMENTS, EXPENSES, EXCHANGE_RATES)
