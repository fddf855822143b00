-- forecast, stock, anomaly: tables that one Python stage each writes, replaced per as_of_date in one transaction.
create schema if not exists forecast;
create schema if not exists stock;
create schema if not exists anomaly;

create table if not exists forecast.forecasts (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    ds date not null,
    mean double precision not null,
    lo_80 double precision not null,
    hi_80 double precision not null,
    lo_95 double precision not null,
    hi_95 double precision not null,
    model_used text not null,
    demand_class text not null,
    fallback_reason text,
    primary key (as_of_date, series, unique_id, ds)
);
comment on table forecast.forecasts is
    'One row per as-of date, series, unique_id and period (ds is its first day): the forecast with its 80 % and 95 % intervals.';

create table if not exists forecast.backtests (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    cutoff date not null,
    ds date not null,
    y double precision not null,
    mean double precision not null,
    naive double precision not null,
    model_used text not null,
    primary key (as_of_date, series, unique_id, cutoff, ds)
);
comment on table forecast.backtests is
    'One row per as-of date, series, unique_id, rolling origin (cutoff, last day known) and period: what came, what the model and seasonal naive had said.';

create table if not exists forecast.accuracy (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    n_origins int not null,
    wape_pct double precision,
    mase double precision,
    bias_pct double precision,
    naive_wape_pct double precision,
    primary key (as_of_date, series, unique_id)
);
comment on table forecast.accuracy is
    'One row per as-of date, series and unique_id: errors over the rolling origins; null where the denominator is zero.';

create table if not exists forecast.kpi_trends (
    as_of_date date not null,
    grain text not null,
    entity text not null,
    kpi text not null,
    first_month date not null,
    last_month date not null,
    n_months int not null,
    season_is_removed boolean not null,
    slope double precision,
    slope_pct double precision,
    slope_ols double precision,
    p_slope_ols double precision,
    has_robust_errors boolean,
    autocorrelation double precision,
    mann_kendall_s int,
    tau double precision,
    z double precision,
    p_value double precision,
    direction text check (direction in ('up', 'down', 'no clear trend')),
    reason text,
    primary key (as_of_date, grain, entity, kpi),
    check ((direction is null) = (reason is not null))
);
comment on table forecast.kpi_trends is
    'One row per as-of date, grain, entity and KPI: the slope of its complete months, at most 36, and whether chance would do the same.';

create table if not exists stock.recommendations (
    as_of_date date not null,
    product_id text not null,
    on_hand_units double precision,
    on_order_units double precision,
    lead_time_days int not null,
    service_level_pct double precision not null,
    lead_time_demand_units double precision not null,
    safety_stock_units double precision not null,
    reorder_point_units double precision not null,
    order_qty_units double precision,
    status text not null check (status in ('order now', 'enough', 'stock unknown')),
    reason text not null,
    primary key (as_of_date, product_id)
);
comment on table stock.recommendations is
    'One row per as-of date and product: the reorder point from the forecast''s own lead-time errors, and what to order now.';

create table if not exists anomaly.kpi_days (
    as_of_date date not null,
    kpi text not null,
    day date not null,
    value double precision not null,
    expected double precision not null,
    lo double precision not null,
    hi double precision not null,
    score double precision not null,
    direction text not null check (direction in ('high', 'low')),
    primary key (as_of_date, kpi, day)
);
comment on table anomaly.kpi_days is
    'One row per as-of date, KPI and day outside its robust seasonal band, judged without that day in its own baseline.';
