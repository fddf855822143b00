select
    sort_order,
    kpi,
    label,
    definition,
    unit,
    is_additive,
    is_up_good
from (values
    (1, 'gross_sales', 'Gross sales', 'Units sold × price before discount, on sale lines.', 'money', true, true),
    (2, 'net_revenue', 'Net revenue', 'Gross sales − discounts − returns. Charges and adjustments are never in it.', 'money', true, true),
    (3, 'returns', 'Returns', 'What return lines took back, as a positive amount.', 'money', true, false),
    (4, 'charges', 'Charges', 'Postage, fees and other charge lines.', 'money', true, true),
    (5, 'discounts', 'Discounts', 'Discounts given on sale lines.', 'money', true, false),
    (6, 'orders', 'Orders', 'Distinct orders with at least one sale line.', 'count', false, true),
    (7, 'units', 'Units sold', 'Units on sale lines; returned units are not taken off.', 'units', true, true),
    (8, 'average_order_value', 'Average order value', '(Gross sales − discounts) ÷ orders; empty without an order.', 'money', false, true),
    (9, 'return_rate_pct', 'Return rate', '100 × returns ÷ (gross sales − discounts); empty where nothing was sold.', 'pct', false, false),
    (10, 'active_customers', 'Active customers', 'Distinct known customers with a sale. Anonymous sales have no customer.', 'count', false, true),
    (11, 'new_customers', 'New customers', 'Active customers whose first sale ever lies in the period.', 'count', false, true),
    (12, 'returning_customers', 'Returning customers', 'Active customers who had bought before the period.', 'count', false, true)
) as catalogue (sort_order, kpi, label, definition, unit, is_additive, is_up_good)
