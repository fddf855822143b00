with {{ spans_of_value(
    id='product_id',
    value='unit_cost',
    history=ref('stg_product_costs'),
    current=ref('stg_products'),
    entity='products',
    attribute='unit_cost',
    type='numeric(20,6)'
) }}

select
    {{ surrogate_key(['product_id']) }} as product_key,
    product_id,
    unit_cost,
    {{ days_of_span() }}
from spans
where unit_cost is not null and until > valid_from
