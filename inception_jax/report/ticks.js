// Axis ticks at round numbers, and axis bounds.

function niceStep(rough) {
  const base = 10 ** Math.floor(Math.log10(rough));
  return base * [1, 2, 5, 10].find((m) => m * base >= rough * (1 - 1e-9));
}

function linearTicks(low, high, count) {
  const step = niceStep((high - low) / count);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(i * step);
  return ticks.map((value) => [value, tickText(value, step)]);
}

function logTicks(low, high) {
  for (const mantissas of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let e = exponent(low); e <= exponent(high); e++) {
      for (const m of mantissas) {
        const value = m * 10 ** e;
        if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) ticks.push(value);
      }
    }
    if (ticks.length <= 8 || mantissas.length === 1) {
      return ticks.length > 1 ? ticks.map((v) => [v, tickText(v, v)]) : linearTicks(low, high, 4);
    }
  }
}

/** Bounds of the values that can be drawn; widened if they are equal. */
function extent(values, positive) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) {
    if (v === null || v === undefined || (positive && v <= 0)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (low > high) return null;
  if (low === high)
    return low === 0 ? [0, 1] : [Math.min(low * 0.9, low * 1.1), Math.max(low * 0.9, low * 1.1)];
  return [low, high];
}
