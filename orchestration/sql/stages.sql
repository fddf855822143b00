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

create table if not exists forecast.overridden (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    ds date not null,
    mean double precision not null,
    statistical_mean double precision not null,
    is_direct boolean not null,
    planner text,
    reason text not null,
    made_on date,
    primary key (as_of_date, series, unique_id, ds)
);
comment on table forecast.overridden is
    'One row per as-of date, series, unique_id and period whose forecast a planner overrode (is_direct), or that changed with one that was.';

create table if not exists forecast.accuracy_by_lead (
    as_of_date date not null,
    series text not null,
    demand_class text not null,
    lead int not null,
    n_forecasts bigint not null,
    actual_total double precision not null,
    mape_pct double precision,
    wape_pct double precision,
    naive_wape_pct double precision,
    value_added_pct double precision,
    improved_share_pct double precision,
    bias_pct double precision,
    naive_bias_pct double precision,
    mase double precision,
    rmsse double precision,
    coverage_80_pct double precision,
    coverage_95_pct double precision,
    interval_score_95_pct double precision,
    primary key (as_of_date, series, demand_class, lead)
);
comment on table forecast.accuracy_by_lead is
    'One row per as-of date, series, demand class (all for every one) and lead (periods ahead, 0 for every one): errors of forecasts that came due.';

create table if not exists forecast.track_record (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    first_ds date not null,
    last_ds date not null,
    n_forecasts bigint not null,
    actual_total double precision not null,
    mape_pct double precision,
    wape_pct double precision,
    naive_wape_pct double precision,
    value_added_pct double precision,
    improved_share_pct double precision,
    bias_pct double precision,
    naive_bias_pct double precision,
    mase double precision,
    rmsse double precision,
    coverage_80_pct double precision,
    coverage_95_pct double precision,
    interval_score_95_pct double precision,
    n_one_step int not null,
    cusum double precision not null,
    tracking_signal double precision,
    is_drifting boolean not null,
    drift_direction text check (drift_direction in ('too low', 'too high')),
    primary key (as_of_date, series, unique_id)
);
comment on table forecast.track_record is
    'One row per as-of date, series and unique_id with forecasts that came due: their errors, and whether they drift.';

create table if not exists forecast.drift (
    as_of_date date not null,
    series text not null,
    n_series int not null,
    n_drifting int not null,
    drifting_share_pct double precision not null,
    is_alert boolean not null,
    since date,
    primary key (as_of_date, series),
    check (is_alert = (since is not null))
);
comment on table forecast.drift is
    'One row per as-of date and series: how much of what it forecasts drifts, and since when that is an alert.';

create table if not exists forecast.value_added (
    as_of_date date not null,
    step text not null check (step in ('engine over naive', 'override over engine', 'reps over naive', 'engine over reps')),
    series text not null,
    dimension text not null,
    member text not null,
    n_forecasts bigint not null,
    actual_total double precision not null,
    baseline_wape_pct double precision,
    wape_pct double precision,
    value_added_pct double precision,
    baseline_bias_pct double precision,
    bias_pct double precision,
    improved_share_pct double precision,
    primary key (as_of_date, step, series, dimension, member)
);
comment on table forecast.value_added is
    'One row per as-of date, step of the forecasting, series, dimension and member: the error before the step and after it.';

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
