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
-- which series there are is the business's choice (business.yaml: forecast)
alter table forecast.forecasts drop constraint if exists forecasts_series_check;
comment on table forecast.forecasts is
    'One row per as-of date, series, unique_id and period (ds is its first day): the forecast with its 80 % and 95 % intervals.';

create table if not exists forecast.intervals (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    ds date not null,
    level_pct double precision not null check (level_pct between 50 and 99),
    lo double precision not null,
    hi double precision not null,
    primary key (as_of_date, series, unique_id, ds, level_pct)
);
comment on table forecast.intervals is
    'One row per as-of date, series, unique_id, period and level asked for beside 80 and 95 %: the ends of its interval.';

create table if not exists forecast.series (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    demand_class text not null,
    model_used text not null,
    fallback_reason text,
    n_periods int not null,
    first_ds date,
    last_ds date,
    trend_direction text check (trend_direction in ('up', 'down', 'no clear trend')),
    trend_p_value double precision,
    trend_slope_pct double precision,
    primary key (as_of_date, series, unique_id)
);
comment on table forecast.series is
    'One row per as-of date, series and unique_id: its class, model and reason, the whole periods it was learned from, and which way they go.';

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

create table if not exists forecast.model_state (
    series text not null,
    unique_id text not null,
    as_of_date date not null,
    version text not null,
    n_periods bigint not null,
    next_period bigint not null,
    fingerprint bigint not null,
    n_fit bigint not null,
    payload bytea not null,
    primary key (series, unique_id)
);
comment on table forecast.model_state is
    'One row per series and unique_id (empty for what all of a series share): the learned models, as of the latest day on which they changed. Safe to empty: the next night learns anew.';

create table if not exists forecast.arima_states (
    series text not null,
    unique_id text not null,
    state text not null,
    primary key (series, unique_id)
);
comment on table forecast.arima_states is
    'One row per series and unique_id that auto-ARIMA votes on: the orders and parameters found, as JSON. Safe to empty.';

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

create table if not exists forecast.history_notes (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    ds date not null,
    kind text not null check (kind in ('closed', 'stockout', 'outlier')),
    observed double precision not null,
    used double precision not null,
    primary key (as_of_date, series, unique_id, ds, kind)
);
comment on table forecast.history_notes is
    'One row per as-of date, series, unique_id, period (ds is its first day) and reason why the forecast did not take it at its word.';

create table if not exists forecast.scenarios (
    as_of_date date not null,
    scenario text not null,
    series text not null,
    unique_id text not null,
    ds date not null,
    base double precision not null,
    mean double precision not null,
    lo_80 double precision not null,
    hi_80 double precision not null,
    lo_95 double precision not null,
    hi_95 double precision not null,
    note text not null,
    primary key (as_of_date, scenario, series, unique_id, ds)
);
comment on table forecast.scenarios is
    'One row per as-of date, scenario, series, unique_id and period it concerns: the forecast under that what-if, beside the base.';

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

create table if not exists forecast.quality (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    n_periods int not null,
    season_length int,
    trend_strength double precision,
    season_strength double precision,
    long_season_length int,
    long_season_strength double precision,
    p_adf double precision,
    p_kpss double precision,
    n_diffs int,
    n_seasonal_diffs int,
    stationarity text check (stationarity in ('stationary', 'not stationary', 'moving level', 'too little to tell')),
    n_errors int not null,
    mean_error double precision,
    p_mean_error double precision,
    ljung_box_lags int,
    p_ljung_box double precision,
    correlated_lag int,
    autocorrelation double precision,
    p_jarque_bera double precision,
    p_breusch_pagan double precision,
    is_sound boolean,
    verdict text not null,
    primary key (as_of_date, series, unique_id)
);
comment on table forecast.quality is
    'One row per as-of date, series and unique_id: how strong its trend and seasons are, and whether its one-step errors are chance.';

create table if not exists forecast.decompositions (
    as_of_date date not null,
    series text not null,
    unique_id text not null,
    ds date not null,
    observed double precision not null,
    trend double precision not null,
    seasonal double precision not null,
    remainder double precision not null,
    primary key (as_of_date, series, unique_id, ds),
    check (abs(observed - trend - seasonal - remainder) <= 1e-9 * greatest(abs(observed), abs(trend), abs(seasonal)))
);
comment on table forecast.decompositions is
    'One row per as-of date, series, unique_id and period (ds is its first day): observed = trend + seasonal + remainder.';

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
