{#
  The lines of purchase orders as the night about `as_of_date` knows them, as the CTE `purchase_lines`: what was ordered later
  is not there, and what came in full later is open, with nothing received (how much of it had come by then, nobody
  says). A line's supplier is the one it names, else its product's. `quoted_days` is what the supplier quotes, else the
  product, else what was promised for this order.
#}
{% macro purchase_lines() -%}
    night as (
        select {{ latest_as_of_date() }} as as_of_date
    ),

    known_lines as (
        select
            as_of_date,
            coalesce(orders.supplier_id, products.supplier_id) as named_supplier,
            orders.product_id,
            ordered_on,
            promised_on,
            case when received_on <= as_of_date then received_on end as received_on,
            case when received_on > as_of_date then 0 else received_units end as received_units,
            case when received_on > as_of_date then 0 else rejected_units end as rejected_units,
            ordered_units,
            orders.unit_cost,
            products.lead_time_days as product_quoted_days
        from {{ ref('stg_purchase_orders') }} as orders
        cross join night
        left join {{ ref('stg_products') }} as products on products.product_id = orders.product_id
        where ordered_on <= as_of_date
    ),

    purchase_lines as (
        select
            known_lines.*,
            coalesce(suppliers.supplier_id, '(no supplier)') as supplier_id,
            coalesce(suppliers.lead_time_days, product_quoted_days, promised_on - ordered_on) as quoted_days,
            case when received_on >= ordered_on then received_on - ordered_on end as lead_days,
            received_on is not null and received_on <= promised_on as is_on_time,
            -- what came beyond the order does not make up for what is missing of another
            least(received_units, ordered_units) as filled_units,
            case when received_on is null then greatest(ordered_units - received_units, 0) else 0 end as open_units
        from known_lines
        left join {{ ref('dim_supplier') }} as suppliers on suppliers.supplier_id = named_supplier
    )
{%- endmacro %}
