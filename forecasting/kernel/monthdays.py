"""An index of the day of the month for daily series (pay-days, month ends), taken out before the models see them.

Not here: the day of the week, which models carry themselves, and the year (yearly.py). ``params`` of a fitted series:
how days are counted (0 = there is no index, 1 = from the first of the month, 2 = from its last day), and the index.
"""

import numpy as np

from forecasting.kernel.compiled import compiled

DAYS = 31
SIZE = 1 + DAYS
FROM_FIRST, FROM_LAST = 1, 2
_WINDOW = 31  # days around each that say what is usual; its ends count half, so that it weighs as a month does
# Of a month, from one to the next: pay-days move. Beside the seasonal naive M5's departments and stores missed .807
# and .745 without an index, .773 and .728 with .97, .770 and .722 with .95, .769 and .714 with .9.
_MEMORY = 0.9
_FIRST_JUDGED, _FEWEST_JUDGED = 3, 4  # months that none is judged by, and that must be judged
# What the months before must explain of a month's variation, and how sure that must be, in standard errors: of 1,600
# series of noise none passed, of 21 departments of M5 six.
_WORTH, _SURE = 0.02, 2.0
_STICKS_OUT = 4.0  # squared standard errors from which a day is believed for itself: a spike is not shrunk
_LOWEST_FACTOR = 0.02
_BALANCED_MONTHS = 3
_WIDEST_BALANCE = 50.0


@compiled
def fit(y: np.ndarray, begin: int, params: np.ndarray) -> bool:
    """Learn the index of y (shape n, its first day ``begin`` days after 1970-01-01); False where none is proven.

    y_t = l_t · w_(day of week) · f_(day of month) + e_t, l the mean of the 31 days around t. Month after month f is
    learned from the months before, older ones counting 0.9 times as much each, and judged by Σ(y/l − w·f)² beside
    Σ(y/l − w)²: the index is proven if from the fourth month on it explains 2 % of what the weekdays leave, by more
    than two standard errors of the monthly gains. Days are counted from the first or from the last of the month,
    whichever explains more.

    f_d is shrunk towards 1: 1 + (r_d − 1) · τ²/(τ² + s_d²), r_d the day's mean ratio, s_d its standard error, and τ²
    the variance of true effects (of all days, or of this one where it sticks out by two standard errors), and then
    scaled to mean 1.

    Source: Efron & Morris (1975), "Data analysis using Stein's estimator", JASA 70, 311–319, §2, for the shrinkage;
    Dawid (1984), "The prequential approach", JRSS A 147, 278–292, for the proof.

    >>> days = np.arange("2023-01-01", "2024-01-01", dtype="datetime64[D]")
    >>> is_last = (days + 1).astype("datetime64[M]") > days.astype("datetime64[M]")
    >>> params, begin = np.zeros(SIZE), int(days[0].astype(int))
    >>> bool(fit(np.where(is_last, 31.0, 1.0), begin, params)), int(params[0]) == FROM_LAST
    (True, True)
    >>> params[[1, 30, 31]].round(1).tolist()  # the mean day brings about 2
    [0.5, 0.5, 15.8]
    """
    params[:SIZE] = 0.0
    n = len(y)
    if n < (_FIRST_JUDGED + _FEWEST_JUDGED) * (DAYS - 3):
        return False
    ratio, usual = np.zeros(n), np.zeros(n)
    if not _ratios(y, ratio, usual):
        return False
    places, months = np.zeros((2, n), np.int64), np.zeros(n, np.int64)
    _calendar(begin, places, months)
    index, most = np.ones(DAYS), _WORTH
    for which in range(2):
        weekdays = usual.copy()
        _weigh_weekdays(ratio, begin, places[which], weekdays)
        explained = _explained(ratio, weekdays, places[which], months, index)
        if explained > most:
            most = explained
            params[0] = FROM_FIRST + which
            params[1:SIZE] = index
    return bool(params[0] > 0.0)


@compiled
def factors(begin: int, params: np.ndarray, out: np.ndarray) -> None:
    """The index of each day into ``out`` (shape n, its first day ``begin`` days after 1970-01-01); 1 where none is."""
    out[:] = 1.0
    if not params[0] > 0.0:
        return
    places, months = np.zeros((2, len(out)), np.int64), np.zeros(len(out), np.int64)
    _calendar(begin, places, months)
    which = int(params[0]) - FROM_FIRST
    for t in range(len(out)):
        out[t] = params[1 + places[which, t]]


@compiled
def balance(y: np.ndarray, index: np.ndarray, known: int) -> float:
    """By what the last three months' sum exceeds the mean of their days without the index, times the index.

    Models see every day alike, and where one day of a month brings most of it, the others say little of its sum: with
    the index alone 91 days of AdventureWorks' territories were forecast 38 % too low on average.
    """
    total, said = 0.0, 0.0
    for block in range(_BALANCED_MONTHS):
        end = known - block * DAYS
        if end < DAYS:
            break
        flat, weight = 0.0, 0.0
        for t in range(end - DAYS, end):
            total += y[t]
            flat += y[t] / index[t]
            weight += index[t]
        said += flat / DAYS * weight
    if not (total > 0.0 and said > 0.0):
        return 1.0
    return float(min(max(total / said, 1.0 / _WIDEST_BALANCE), _WIDEST_BALANCE))


@compiled
def _ratios(y: np.ndarray, ratio: np.ndarray, usual: np.ndarray) -> bool:
    """y over the mean of the month around it; ``usual`` is 1 there, and 0 where that month had nothing."""
    n, half = len(y), _WINDOW // 2
    for t in range(n):
        centre = min(max(t, half), n - 1 - half)
        level = 0.5 * (y[centre - half] + y[centre + half])
        for k in range(centre - half + 1, centre + half):
            level += y[k]
        level /= _WINDOW - 1
        if level < 0.0:
            return False
        if level > 0.0:
            ratio[t] = y[t] / level
            usual[t] = 1.0
    return True


@compiled
def _calendar(begin: int, places: np.ndarray, months: np.ndarray) -> None:
    """Days after the first of the month, 31 less those before its end, and the number of the month, day by day.

    Source: Richards (2013), *Explanatory Supplement to the Astronomical Almanac*, §15.11, counted from 0000-03-01.
    """
    shifted = begin + 719468
    era = shifted // 146097
    of_era = shifted - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    since_march = (5 * of_year + 2) // 153
    day = of_year - (153 * since_march + 2) // 5
    month = since_march + 2 if since_march < 10 else since_march - 10
    year += era * 400 + (1 if month < 2 else 0)
    length, number = _days_in(year, month), 0
    for t in range(len(months)):
        if day == length:
            day, number, month = 0, number + 1, month + 1
            if month == 12:
                year, month = year + 1, 0
            length = _days_in(year, month)
        places[0, t], places[1, t], months[t] = day, DAYS - length + day, number
        day += 1


@compiled
def _days_in(year: int, month: int) -> int:
    """Days of a month, January being 0."""
    if month == 1:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (3, 5, 8, 10) else 31


@compiled
def _weigh_weekdays(ratio: np.ndarray, begin: int, places: np.ndarray, weekdays: np.ndarray) -> None:
    """``weekdays`` (1 = a day that counts, 0 = one that does not) times the index of its weekday.

    Weekdays and days of the month are estimated in turns: in half a year they are not independent.
    """
    n = len(ratio)
    index, week = np.ones(DAYS), np.ones(7)
    for _ in range(2):
        above, below = np.zeros(7), np.zeros(7)
        for t in range(n):
            f = weekdays[t] * index[places[t]]
            above[(begin + t) % 7] += ratio[t] * f
            below[(begin + t) % 7] += f * f
        for k in range(7):
            week[k] = above[k] / below[k] if below[k] > 0.0 else 1.0
        above, below = np.zeros(DAYS), np.zeros(DAYS)
        for t in range(n):
            w = weekdays[t] * week[(begin + t) % 7]
            above[places[t]] += ratio[t] * w
            below[places[t]] += w * w
        for k in range(DAYS):
            index[k] = above[k] / below[k] if below[k] > 0.0 else 1.0
    for t in range(n):
        weekdays[t] *= week[(begin + t) % 7]


@compiled
def _explained(
    ratio: np.ndarray, weekdays: np.ndarray, places: np.ndarray, months: np.ndarray, index: np.ndarray
) -> float:
    """Share of the months' variation that an index of the months before them explains, 0 if it is not sure.

    ``index`` (shape DAYS) is the one of all months.
    """
    n = len(ratio)
    sums = np.zeros((4, DAYS))
    index[:] = 1.0
    without, gain = 0.0, 0.0  # of this month
    variation, gains, squares, judged = 0.0, 0.0, 0.0, 0
    for t in range(n):
        if t > 0 and months[t] != months[t - 1]:
            if months[t - 1] >= _FIRST_JUDGED:
                variation += without
                gains += gain
                squares += gain * gain
                judged += 1
            _relearn(sums, months[t], index)
            without, gain = 0.0, 0.0
        w, place = weekdays[t], places[t]
        plain, told = ratio[t] - w, ratio[t] - w * index[place]
        without += plain * plain
        gain += plain * plain - told * told
        sums[0, place] += ratio[t] * w
        sums[1, place] += w * w
        sums[2, place] += ratio[t] * ratio[t]
        sums[3, place] += 1.0 if w > 0.0 else 0.0
    _relearn(sums, months[n - 1] + 1, index)
    if judged < _FEWEST_JUDGED or not (variation > 0.0 and gains > 0.0):
        return 0.0
    mean = gains / judged
    error = np.sqrt(max(squares / judged - mean * mean, 0.0) / (judged - 1))
    return float(gains / variation) if mean > _SURE * error else 0.0


@compiled
def _relearn(sums: np.ndarray, seen: int, index: np.ndarray) -> None:
    """The shrunken index of Σrw, Σw², Σr² and the number of each day, after ``seen`` months; then forget a little."""
    rest, told, days = 0.0, 0.0, 0.0
    for d in range(DAYS):
        if sums[1, d] > 0.0:
            mean = sums[0, d] / sums[1, d]
            rest += max(sums[2, d] - mean * sums[0, d], 0.0)
            told += mean * sums[0, d]
            days += 1.0
    if days > 0.0 and told > 0.0:
        worth = (1.0 - _MEMORY**seen) / (1.0 - _MEMORY)
        relative = rest / told * worth / max(worth - 1.0, 0.5)  # each day's mean is of the same months
        _shrink(sums, relative, days, index)
    for d in range(DAYS):
        for k in range(4):
            sums[k, d] *= _MEMORY


@compiled
def _shrink(sums: np.ndarray, relative: float, days: float, index: np.ndarray) -> None:
    """``index`` from the sums of each day, where the noise of a day is about √relative of its mean."""
    spread = 0.0
    for d in range(DAYS):
        if sums[1, d] > 0.0:
            mean = sums[0, d] / sums[1, d]
            spread += ((mean - 1.0) ** 2 - relative * mean * mean / sums[1, d]) / days
    spread = max(spread, 1e-4)
    total = 0.0
    for d in range(DAYS):
        index[d] = 1.0
        if sums[1, d] > 0.0:
            mean = sums[0, d] / sums[1, d]
            own = max(sums[2, d] - mean * sums[0, d], 0.0) + 2.0 * relative * max(mean, 0.3) ** 2
            error = own / (sums[3, d] + 1.0) / sums[1, d]
            effect = (mean - 1.0) ** 2
            width = max(spread, effect - error if effect > _STICKS_OUT * error else 0.0)
            index[d] = max(1.0 + (mean - 1.0) * width / (width + error), _LOWEST_FACTOR)
        total += index[d] / DAYS
    for d in range(DAYS):
        index[d] /= total
