{{ config(
    alias='product_pairs',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['product_key', 'partner_key'], 'unique': true}],
) }}
select
    as_of_date,
    window_start,
    window_end,
    product_key,
    partner_key,
    partner_rank,
    pair_orders,
    product_orders,
    partner_orders,
    orders_looked_at,
    orders_left_out,
    pairs_compared,
    support_pct,
    confidence_pct,
    reverse_confidence_pct,
    lift,
    chi_square,
    p_value,
    adjusted_p_value,
    is_significant,
    is_suggested
from {{ ref('product_pairs') }}
