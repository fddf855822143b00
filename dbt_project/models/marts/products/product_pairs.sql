{{ config(indexes=[{'columns': ['product_key', 'partner_key'], 'unique': true}]) }}
-- The 500 most-ordered products have 124,750 pairs, whatever the number of products: the work is bounded.
with night as (
    select
        {{ latest_as_of_date() }} as as_of_date,
        {{ first_basket_day() }} as window_start
),

counts as (
    select
        count(*) filter (where product_keys is not null)::numeric as baskets,
        count(*) filter (where product_keys is null) as wholesale_baskets
    from {{ ref('order_baskets') }}
    inner join night on order_date between window_start and as_of_date
),

items as not materialized (
    select
        basket,
        unnest(product_keys) as product_key
    from (
        select
            row_number() over ()::integer as basket,
            product_keys
        from {{ ref('order_baskets') }}
        inner join night on order_date between window_start and as_of_date
        where product_keys is not null
    ) as baskets
),

-- Numbers of 1 to 500 in place of 64-bit keys: a pair is then one integer to group by.
compared as materialized (
    select
        product_key,
        baskets,
        row_number() over (order by baskets desc, product_key)::integer as number
    from (
        select
            product_key,
            count(*)::numeric as baskets
        from items
        group by product_key
    ) as each_product
    order by baskets desc, product_key
    limit 500
),

-- Each basket's numbers, ascending; from each of them to those behind it: the pairs come without a join of the items.
numbered as (
    select array_agg(number order by number) as numbers
    from items
    inner join compared using (product_key)
    group by basket
    having count(*) > 1
),

firsts as (
    select
        numbers[place] as number,
        numbers[place + 1:] as others
    from (
        select
            numbers,
            generate_subscripts(numbers, 1) as place
        from numbered
    ) as places
),

pairs as (
    select
        pair,
        count(*)::numeric as baskets
    from (select number * 1000 + unnest(others) as pair from firsts) as each_pair
    group by pair
    having count(*) >= 5
),

measured as (
    select
        one.product_key as one_key,
        other.product_key as other_key,
        one.baskets as one_baskets,
        other.baskets as other_baskets,
        pairs.baskets as pair_baskets,
        counts.baskets as n,
        pairs.baskets * counts.baskets / (one.baskets * other.baskets) as lift,
        counts.baskets * power(pairs.baskets * counts.baskets - one.baskets * other.baskets, 2) / nullif(
            one.baskets * other.baskets * (counts.baskets - one.baskets) * (counts.baskets - other.baskets), 0
        ) as chi_square
    from pairs
    inner join compared as one on one.number = pair / 1000
    inner join compared as other on other.number = pair % 1000
    cross join counts
),

judged as (
    select
        *,
        -- The upper tail of χ² with one degree of freedom.
        erfc(sqrt(chi_square::double precision / 2)) as p_value,
        products_compared * (products_compared - 1) / 2 as pairs_compared
    from measured
    cross join (select count(*) as products_compared from compared) as number_of
),

both_ways as (
    select
        one_key as product_key,
        other_key as partner_key,
        one_baskets as product_baskets,
        other_baskets as partner_baskets,
        judged.*
    from judged

    union all

    select
        other_key,
        one_key,
        other_baskets,
        one_baskets,
        judged.*
    from judged
),

ranked as (
    select
        *,
        least(p_value * pairs_compared, 1) as adjusted_p_value,
        coalesce(p_value * pairs_compared < 0.05, false) as is_significant,
        lift > 1.2 and coalesce(p_value * pairs_compared < 0.05, false) as is_suggested
    from both_ways
),

kept as (
    select
        *,
        row_number() over (
            partition by product_key order by is_suggested desc, lift desc, pair_baskets desc, partner_key
        ) as partner_rank
    from ranked
)

select
    as_of_date,
    window_start,
    as_of_date as window_end,
    product_key,
    partner_key,
    partner_rank::integer as partner_rank,
    pair_baskets::bigint as pair_orders,
    product_baskets::bigint as product_orders,
    partner_baskets::bigint as partner_orders,
    n::bigint as orders_looked_at,
    wholesale_baskets as orders_left_out,
    pairs_compared,
    round(100 * pair_baskets / n, 4) as support_pct,
    round(100 * pair_baskets / product_baskets, 4) as confidence_pct,
    round(100 * pair_baskets / partner_baskets, 4) as reverse_confidence_pct,
    round(lift, 4) as lift,
    round(chi_square, 4) as chi_square,
    p_value,
    adjusted_p_value,
    is_significant,
    is_suggested
from kept
cross join night
cross join counts
where partner_rank <= 20
