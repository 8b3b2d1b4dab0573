// Panels: the metrics that are drawn, their order, and their number formats.

const AXES = { epoch: "epoch", step: "step", hours: "hours" };
const DASHES = [null, "5 4", "1.5 4", "8 3 2 3", "3 2"];
const PANELS = [
  { key: "nll", title: "Cross-entropy", tall: true, format: plain, log: true },
  {
    key: "top1",
    title: "Top-1 accuracy",
    tall: true,
    format: (v) => percent(v, 2),
    tick: tickPercent,
  },
  ...[
    ["map", "mAP"],
    ["auroc", "AUROC"],
    ["f1", "F1"],
    ["accuracy", "Accuracy of labels"],
    ["recall1", "Recall@1"],
    ["verification", "Verification accuracy"],
  ].map(([key, title]) => ({ key, title, format: (v) => percent(v, 2), tick: tickPercent })),
  { key: "r2", title: "R²", format: plain },
  { key: "rmse", title: "RMSE", format: plain, zero: true },
  { key: "mae", title: "MAE", format: plain, zero: true },
  { key: "loss", title: "Training objective", format: plain, log: true },
  { key: "cross_entropy", title: "Soft cross-entropy", format: plain, log: true },
  { key: "lr", title: "Learning rate", format: plain, zero: true },
  { key: "grad_norm", title: "Gradient norm", format: plain, zero: true },
  { key: "images_per_s", title: "Images per second", format: plain, zero: true },
  {
    key: "input_wait",
    title: "Time waiting for input",
    format: (v) => percent(v, 1),
    tick: tickPercent,
    zero: true,
  },
  { key: "top5", title: "Top-5 accuracy", format: (v) => percent(v, 2), tick: tickPercent },
  { key: "ece", title: "Calibration error", format: plain, zero: true },
];
const KNOWN = new Set([...PANELS.map((p) => p.key), "step", "epoch", "hours", "count"]);

function tickPercent(value) {
  return `${+(100 * value).toFixed(1)}%`;
}

/** Exponential moving average with bias correction; missing values stay missing. */
function smooth(ys, weight) {
  let [sum, norm] = [0, 0];
  return ys.map((y) => {
    if (y === null) return null;
    sum = weight * sum + (1 - weight) * y;
    norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}
