"""What the columns of each entity are called, as ideas, and what the files of it are called. Data only.

Not here: the words of each language (words.py), and how well a name fits (names.py, matching.py).
"""

# Per entity and column: the ideas a name is made of, and how surely such a name means the column (1 if no number).
MEANINGS: dict[str, dict[str, str]] = {
    "sales_lines": {
        "order_id": "order id, sales order id, document id .97, sales document id, invoice id .95, sales id .8, "
        "sales invoice id .95, order .7, invoice .7, document .75, order document id .97",
        "line_id": "line id, order line id, row id .9, order detail id .97, line, order item id .95, "
        "sales order line id, document line id, line item id, invoice line id, item line id",
        "ordered_at": "order date, date .9, document date .95, invoice date .95, order time, sales date .95, "
        "time .8, document time .9, date time .93, order date time, sales time .93, book date .9, "
        "document date time .95, period date .6, period start .6",
        "product_id": "product id, item id .95, stock id .93, product .75, item .6, sales product id .95",
        "product_name": "product name, product description .97, item description .95, description .75, "
        "item name .95, product .8, item .7, product line description .8",
        "customer_id": "customer id, customer .75, account id .85, sales customer id .9, ship customer id .7",
        "country": "country, ship country .95, customer country .9, country region .9, country id .9, "
        "ship country id .9",
        "channel": "channel, sales channel, order channel, channel id .9, online order .8, order kind .6, "
        "online .7, sales kind .6",
        "territory_id": "territory id, sales territory id, territory .9, customer territory id .8, region .6",
        "rep_id": "rep id, sales person id, employee id .9, rep .85, employee .8, sales person .8, "
        "sales employee id .95, sales rep id, sales employee .8",
        "location_id": "stock .75, location id, warehouse id .95, store id .95, location .8, warehouse .85, "
        "store .85, stock location .8",
        "promotion_id": "promotion id, promotion .8, campaign id .7",
        "currency": "currency, currency id .95, order currency .95, document currency .95",
        "due_on": "due date, order due date .95, due ship date .95, due .75",
        "shipped_on": "ship date, ship .7, ship time .9",
        "qty_units": "quantity, order quantity, sales quantity, sell quantity .95, invoice quantity .95, "
        "product quantity .95, sales .75, sales unit .8, line quantity, ship quantity .7, item quantity .95, "
        "unit .5",
        "unit_price": "unit price, price .9, sales price .9, price actual .85, product price .9, sell price .93, "
        "price regular .8, net price .85, list price .7, item price .95, unit sales price .95, net unit price .95",
        "discount_amount": "discount, discount amount, unit price discount .9, line discount .97, "
        "discount percent .9, discount rate .9, order discount .8, unit discount .85",
        "line_amount": "line total, amount .9, line amount, sales amount .95, sales .8, total .7, net amount .95, "
        "total price .9, net sales .95, extended price .9, total amount .9, net .7, sales total .85, "
        "line net amount",
    },
    "products": {
        "product_id": "product id, item id .95, stock id .9, product .6, id .6",
        "product_name": "product name, product description .9, item name .95, name .85, description .7, "
        "product .75, item description .9",
        "category": "category, product category, category name .97, product category name, product group .9, "
        "group .6, product kind .6, category id .6, product group name .9, product category id .6",
        "subcategory": "subcategory, product subcategory, subcategory name .97, product subcategory name, "
        "subcategory id .6, product subcategory id .6",
        "brand": "brand, brand name .97, product brand",
        "supplier_id": "supplier id, supplier .8",
        "unit_cost": "unit cost, cost, standard cost, purchase price, product cost .95, unit purchase price, "
        "cost price .95",
        "list_price": "list price, price .85, unit price .9, sales price .9, regular price .8, "
        "unit sales price .9, product price .9",
        "lead_time_days": "lead time days, lead time, lead days, lead .6, standard lead time .95, ship days .7",
        "min_order_units": "minimum order quantity, minimum quantity .8, minimum order .8, "
        "minimum purchase quantity .9",
        "launched_on": "start date .85, sell start date, launch date, start .8, product start date .95",
        "discontinued_on": "discontinued date, sell end date .95, discontinued .8, end date .7",
        "valid_from": "valid from, valid start date",
    },
    "product_costs": {
        "product_id": "product id, item id .95",
        "valid_from": "valid from, start date .9, date .6, from .8, from date .9",
        "valid_to": "valid to, end date .9, to .7, to date .9, end .7",
        "unit_cost": "unit cost, cost .95, standard cost, product cost, purchase price .95",
    },
    "product_prices": {
        "product_id": "product id, item id .95",
        "valid_from": "valid from, start date .9, date .6, from .8, from date .9",
        "valid_to": "valid to, end date .9, to .7, to date .9, end .7",
        "list_price": "list price, price .9, sales price .9, unit price .9, sell price .9",
    },
    "customers": {
        "customer_id": "customer id, customer .6, id .6, account id .8, customer account id .8",
        "customer_name": "customer name, company name .95, name .9, company .85, customer .75, "
        "customer company name .95, store name .7, customer description .7",
        "segment": "segment, customer segment, customer group .9, customer kind .9, customer category .9, "
        "segment name .95, market segment .9",
        "country": "country, customer country, country region .9, country name .95, country id .9",
        "city": "city, customer city, city name .95",
        "region": "region, state .85, region name .95, customer region, customer state .85",
        "territory_id": "territory id, territory .85, sales territory id, region .5",
        "rep_id": "rep id, sales person id, rep .85, employee id .8, sales employee id .9, store sales person id .8",
        "created_on": "customer start .8, customer from .95, time date .8, customer since .9, customer date .8, "
        "book date .7",
    },
    "suppliers": {
        "supplier_id": "supplier id, id .6, company id .6, supplier .6",
        "supplier_name": "supplier name, company name .95, name .9, supplier .75, company .85",
        "country": "country, supplier country, country region .9, country id .9",
        "lead_time_days": "lead .8, lead time days, lead time, lead days, standard lead time .95",
        "min_order_amount": "minimum order amount, minimum order .7, minimum amount .8",
    },
    "locations": {
        "location_id": "stock .75, location id, warehouse id .95, store id .95, id .6, warehouse .7, location .7, "
        "store .7",
        "location_name": "location name, warehouse name .95, store name .95, name .9, description .6",
        "location_kind": "location kind, kind .8, warehouse kind .9, store kind .9",
        "city": "city",
        "country": "country, country id .9",
        "territory_id": "territory id, territory .8",
    },
    "inventory_levels": {
        "snapshot_date": "stock date, date .9, book date .8, modified date .5, time date .8, stock time .9",
        "product_id": "product id, item id .95, product .7, stock id .8",
        "location_id": "location id, warehouse id .95, store id .9, warehouse .9, location .9, store .85, "
        "stock .8, stock location .95",
        "on_hand_units": "stock hand, stock quantity, stock .9, quantity .85, hand quantity, hand .9, "
        "quantity stock hand, stock unit .95",
        "on_order_units": "order quantity .9, order .8, quantity order, unit order .95, open order quantity, "
        "order unit .95",
    },
    "inventory_movements": {
        "movement_id": "book .75, movement id, id .6, line id .6, document id .7, row id .6",
        "moved_on": "movement date, date .9, book date .9, document date .9",
        "product_id": "product id, item id .95, product .7",
        "location_id": "stock .75, location id, warehouse id .95, warehouse .9, location .9, store id .9, stock .6",
        "movement_kind": "movement kind, kind .85, movement .6, document kind .85",
        "qty_units": "quantity, movement quantity, unit .6",
        "unit_cost": "purchase price .95, unit cost, cost .9, standard cost .9, unit price .6",
        "document_id": "document id .97, reference document id, order id .8, document .8",
    },
    "purchase_orders": {
        "purchase_order_id": "purchase order id, order id .8, purchase id .9, purchase order .85, "
        "purchase document id .9",
        "line_id": "line id, purchase order line id, purchase order detail id .97, line .95, order line id .95",
        "supplier_id": "supplier id, supplier .85",
        "product_id": "product id, item id .95, product .75",
        "location_id": "stock .75, location id, warehouse id .95, warehouse .85, location .85",
        "ordered_on": "order date, purchase order date, purchase date .95, date .8",
        "promised_on": "due date, promise date, due .8, due ship date .95, due receive date .9",
        "received_on": "receive date, receive .7, ship date .5",
        "ordered_units": "order quantity, quantity .9, purchase quantity .95, unit order .9",
        "received_units": "receive .75, ship .6, receive quantity, quantity receive, unit receive .95, "
        "ship quantity .8",
        "rejected_units": "reject .8, reject quantity, quantity reject, unit reject .95",
        "unit_cost": "unit cost, unit price .95, price .85, cost .9, purchase price .97, unit purchase price",
    },
    "sales_reps": {
        "rep_id": "rep id, employee id .95, sales person id, id .6, company id .7, sales employee id",
        "rep_name": "rep name, employee name .95, sales person name, name .9, full name, rep .8, employee .75",
        "email": "email, email address, rep email",
        "territory_id": "territory id, territory .85, sales territory id",
        "manager_id": "manager id, manager .9, manager to .9",
        "hired_on": "hire date, hire .9, start date .6, hire start .9",
        "left_on": "left date, end date .6, left .9",
        "commission_pct": "commission percent, commission .9, commission rate .95",
        "valid_from": "valid from",
    },
    "territories": {
        "territory_id": "territory id, id .6, sales territory id, territory .6",
        "territory_name": "territory name, territory description .97, name .9, description .7, territory .7",
        "region": "region, group .85, region name .97, territory group .9, region id .6, region description .97",
        "country": "country, country region id .9, country region .9, country id .9",
        "manager_id": "manager id, manager .9, rep id .7, lead .5",
    },
    "rep_territories": {
        "rep_id": "rep id, employee id .9, sales person id, company id .75, rep .8, sales employee id .9",
        "territory_id": "territory id, territory .85, sales territory id",
        "valid_from": "valid from, start date .9, from .8, from date .9, start .7",
        "valid_to": "valid to, end date .9, to .7, to date .9, end .7",
    },
    "targets": {
        "measure": "measure, measure .9",
        "period": "period kind .9, target kind .6",
        "period_start": "period start, target date .9, period .85, start date .7, date .7, period date .8, "
        "period from .9",
        "territory_id": "territory id, territory .85, region .5",
        "rep_id": "rep id, employee id .9, sales person id, company id .75, rep .8",
        "category": "category, product category, product group .85",
        "target_value": "target amount, target, sales target, target sales .95, target total .8, amount .6, "
        "target net amount",
    },
    "forecast_cycles": {
        "cycle_id": "cycle .8, cycle id, forecast cycle id, id .5",
        "cycle_name": "cycle name, name .8, cycle .8",
        "opens_on": "start date .8, start .8, cycle start .9",
        "due_at": "submission to .9, due time, due date .95, due .85, end date .7, submission due .95, "
        "due submission date .95",
        "period": "period kind .8",
        "period_start": "period start, forecast period .9, period .8, forecast start .8, forecast period start",
    },
    "forecast_submissions": {
        "submission_id": "submission .8, submission id, id .5, forecast id .9, forecast submission id",
        "cycle_id": "cycle id, forecast cycle id, cycle .8",
        "rep_id": "rep id, employee id .9, rep .8, sales person id",
        "territory_id": "territory id, territory .85",
        "category": "category, product category, product group .85",
        "product_id": "product id, item id .9",
        "submitted_at": "submission time, submission date .95, submission .8",
        "forecast_amount": "sales .75, forecast amount, forecast sales .95, forecast .8, amount .7",
        "forecast_units": "forecast quantity, forecast unit .9, quantity .7",
        "note": "note, description .6",
    },
    "forecast_overrides": {
        "level": "forecast kind .7",
        "member": "product id .9, item id .85, product category .6, territory id .6",
        "measure": "measure",
        "period": "period kind .8",
        "period_start": "period start, forecast period .9, week .9, forecast week .9, start date .7",
        "override_value": "override quantity, override unit .95, override amount, override .8, quantity .7, amount .6",
        "planner": "planner, planner name .97, override planner .95",
        "reason": "reason, override reason, note .6",
        "made_on": "override date, override time .95, time date .8, book date .8, date .6, time .6, book .7",
    },
    "opportunities": {
        "opportunity_id": "chance .75, chance id .95, opportunity .8, opportunity id, id .6",
        "opportunity_name": "opportunity name, name .8, opportunity .75, description .6",
        "customer_id": "customer id, customer .7",
        "rep_id": "rep id, employee id .8, sales person id, rep .8",
        "territory_id": "territory id, territory .85",
        "category": "category, product category, product group .85",
        "stage": "stage, stage name .97, opportunity stage, sales stage .97",
        "status": "status, opportunity status",
        "amount": "amount, opportunity amount, forecast sales .7, sales .6, opportunity .5, total .7",
        "probability_pct": "chance .75, probability, probability percent",
        "created_on": "time date .9, start date .8, opportunity date .8, opportunity start .8, time .7, start .7",
        "expected_close_on": "due .75, due end date .97, end date .7, due end .9, due .6, due date .7",
        "closed_on": "end date .85, end .75, left date .5",
        "order_id": "document id .9, order id, order .7",
        "lost_reason": "lost reason, reason .8",
    },
    "touchpoints": {
        "touchpoint_id": "touch .8, touch id, id .6, event id .6",
        "touched_at": "touch time, touch date .95, time .85, date .85, date time .9",
        "customer_id": "customer id, customer .7",
        "lead_id": "lead id, visitor id .8, lead .7",
        "channel": "channel, touch kind .85, touch channel, kind .7, method .7",
        "campaign": "campaign, campaign name .97, campaign id .9",
        "rep_id": "rep id, employee id .8, rep .8",
        "opportunity_id": "chance .75, opportunity id, opportunity .7",
        "order_id": "document id .9, order id, order .7",
        "cost_amount": "cost, cost amount, amount .6",
    },
    "funnel_events": {
        "event_id": "event .8, event id, id .6",
        "occurred_at": "event time, event date .95, time .9, date .7, date time .9",
        "visitor_id": "visitor id, visitor .7, lead id .7",
        "stage": "stage, event name .85, event kind .85, event .75, funnel stage",
        "customer_id": "customer id, customer .7",
        "channel": "channel",
        "campaign": "campaign, campaign id .9",
        "product_id": "product id, item id .9",
        "order_id": "document id .9, order id, order .7",
        "amount": "amount, sales .6",
    },
    "promotions": {
        "promotion_id": "promotion .8, promotion id, id .6, campaign id .6",
        "promotion_name": "promotion name, promotion description .95, name .85, description .85, promotion .8",
        "starts_on": "start date, valid from .95, from .85, promotion start .95, start .85, promotion start date, "
        "from date .9",
        "ends_on": "end date, valid to .95, to .85, promotion end .95, end .85, promotion end date, to date .9",
        "discount_pct": "discount percent, discount .85, discount rate .9, price discount .8",
        "product_id": "product id, item id .95, product .7",
        "category": "category, product category, product group .85",
        "channel": "channel, sales channel",
        "cost_amount": "cost, cost amount, promotion cost",
    },
    "invoices": {
        "invoice_id": "invoice id, invoice document id .9, id .5, invoice .8",
        "order_id": "order id, sales order id, order .75, order document id .9, document id .6",
        "customer_id": "customer id, customer .75",
        "invoiced_on": "invoice date, date .8, document date .8",
        "due_on": "due date, due .85, invoice due date, payment due date .9",
        "currency": "currency, currency id .95, invoice currency",
        "net_amount": "net amount, amount .8, net .85, total net .9, net total .9, total .6, invoice amount .8, "
        "total amount .7",
        "tax_amount": "tax amount, tax .95",
    },
    "payments": {
        "payment_id": "payment .7, payment id, id .5, payment document id .9",
        "invoice_id": "invoice id, invoice .75, document id .6",
        "customer_id": "customer id, customer .75",
        "paid_on": "payment date, payment .6, date .8, book date .8, receive date .8",
        "amount": "amount, payment amount, total .6",
        "method": "payment method, method, payment kind .95",
    },
    "expenses": {
        "expense_id": "document .7, expense id, id .5, document id .6",
        "incurred_on": "expense date, date .9, document date .8, book date .85",
        "expense_kind": "expense kind, kind .85, category .85, expense category .97, cost kind .9, expense .6, "
        "account .5",
        "amount": "amount, expense amount, cost .8, total .6, expense .6",
        "rep_id": "rep id, employee id .9, rep .8",
        "territory_id": "territory id, territory .85",
        "channel": "channel, sales channel",
        "campaign": "campaign, campaign id .9",
        "note": "note, description .85, expense description .9",
    },
    "exchange_rates": {
        "rate_date": "rate date, date .9, currency rate date, exchange rate date, valid from .8",
        "from_currency": "from currency, from currency id .97, currency .7, base currency .8, currency id .6, from .6",
        "to_currency": "to currency, to currency id .97, to .6",
        "rate": "rate, exchange rate, standard rate .95, amount .5, currency rate, end date rate .6",
    },
}

# What the files of an entity are called; a file may be called after one word of several.
SUBJECTS: dict[str, str] = {
    "sales_lines": "sales, order line, sales order line, invoice line, order, invoice, document, sales line, "
    "order item, document line, sales order detail, sales document line",
    "products": "product, item, product list",
    "product_costs": "product cost, product cost history",
    "product_prices": "product price, product list price history, price list, list price",
    "customers": "customer, customer name",
    "suppliers": "supplier",
    "locations": "location, warehouse, store",
    "inventory_levels": "stock, stock level, product stock, stock reorder",
    "inventory_movements": "movement, stock movement",
    "purchase_orders": "purchase order line, purchase order, purchase, purchase line",
    "sales_reps": "rep, sales rep, employee, sales person, employee name",
    "territories": "territory, sales territory",
    "rep_territories": "rep territory, sales territory history, employee territory, territory history",
    "targets": "target, sales target, sales person target history",
    "forecast_cycles": "cycle, forecast cycle",
    "forecast_submissions": "submission, forecast submission, forecast",
    "forecast_overrides": "forecast override, override",
    "opportunities": "opportunity, chance",
    "touchpoints": "touch",
    "funnel_events": "event, funnel event, visitor",
    "promotions": "promotion, campaign",
    "invoices": "invoice",
    "payments": "payment",
    "expenses": "expense",
    "exchange_rates": "exchange rate, currency rate, rate",
}

# What a table is not, whose name speaks of these.
NOT_CALLED: dict[str, frozenset[str]] = {
    "sales_lines": frozenset(
        {"work", "purchase", "stock", "forecast", "target", "movement", "materials", "promotion", "supplier"}
    ),
    "customers": frozenset({"supplier"}),
    "inventory_levels": frozenset({"movement", "purchase"}),
    "sales_reps": frozenset({"customer", "supplier"}),
}

# What must be found by name for a file to be thought of as an entity at all; one of each group.
ANCHORS: dict[str, tuple[tuple[str, ...], ...]] = {
    "sales_lines": (("product_id", "product_name"), ("qty_units", "line_amount")),
    "products": (("product_id",), ("product_name",)),
    "product_costs": (("product_id",), ("valid_from",), ("unit_cost",)),
    "product_prices": (("product_id",), ("valid_from",), ("list_price",)),
    "customers": (("customer_id",), ("customer_name", "segment", "country", "territory_id")),
    "suppliers": (("supplier_id",), ("supplier_name",)),
    "locations": (("location_id",), ("location_name",)),
    "inventory_levels": (("product_id",), ("on_hand_units",)),
    "inventory_movements": (("product_id",), ("movement_kind",), ("qty_units",), ("moved_on",)),
    "purchase_orders": (("purchase_order_id",), ("product_id",), ("ordered_units",)),
    "sales_reps": (("rep_id",), ("rep_name", "territory_id", "commission_pct", "hired_on")),
    "territories": (("territory_id",), ("territory_name",)),
    "rep_territories": (("rep_id",), ("territory_id",)),
    "targets": (("target_value",), ("period_start",)),
    "forecast_cycles": (("cycle_id",), ("due_at",)),
    "forecast_submissions": (("rep_id",), ("submitted_at",), ("forecast_amount", "forecast_units")),
    "forecast_overrides": (("override_value",), ("planner",), ("reason",)),
    "opportunities": (("opportunity_id",), ("stage", "probability_pct")),
    "touchpoints": (("touched_at",), ("channel",), ("touchpoint_id",)),
    "funnel_events": (("visitor_id",), ("stage",), ("occurred_at",)),
    "promotions": (("promotion_id",), ("starts_on",), ("ends_on",)),
    "invoices": (("invoice_id",), ("net_amount",)),
    "payments": (("paid_on",), ("amount",), ("payment_id", "invoice_id")),
    "expenses": (("expense_kind",), ("amount",), ("incurred_on",)),
    "exchange_rates": (("rate_date",), ("rate",), ("from_currency", "to_currency")),
}
