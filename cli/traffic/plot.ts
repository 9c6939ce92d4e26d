/** Line plots as SVG: a panel with axes, ticks and one line. */

export interface Axis {
  title: string;
  scale: 'linear' | 'log';
}

export interface Panel {
  title: string;
  x: Axis;
  y: Axis;
  /** By rising x; where a scale is logarithmic, above 0. */
  points: readonly { x: number; y: number }[];
}

const width = 480;
const height = 320;
const margin = { left: 72, right: 24, top: 40, bottom: 56 } as const;
const plotWidth = width - margin.left - margin.right;
const plotHeight = height - margin.top - margin.bottom;
const mostTicks = 6;

/** Panels side by side, with a line of text above them. */
export function plotSvg(title: string, panels: readonly Panel[]): string {
  const total = width * panels.length;
  const body = panels.map((panel, index) => `<g transform="translate(${index * width} 28)">\n${panelSvg(panel)}</g>\n`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total}" height="${height + 28}" viewBox="0 0 ${total} ${height + 28}" font-family="sans-serif" font-size="12">\n`,
    `<title>${escaped(title)}</title>\n`,
    `<rect width="100%" height="100%" fill="white"/>\n`,
    `<text x="${total / 2}" y="24" text-anchor="middle" font-size="15">${escaped(title)}</text>\n`,
    ...body,
    '</svg>\n',
  ].join('');
}

function panelSvg({ title, x, y, points }: Panel): string {
  const across = scaleOf(
    points.map((point) => point.x),
    x.scale,
    plotWidth,
  );
  const up = scaleOf([...points.map((point) => point.y), ...(y.scale === 'linear' ? [0] : [])], y.scale, plotHeight);
  const left = (value: number): number => rounded(margin.left + across.place(value));
  const top = (value: number): number => rounded(margin.top + plotHeight - up.place(value));
  const bottom = margin.top + plotHeight;
  const line = points.map((point) => `${left(point.x)},${top(point.y)}`).join(' ');
  return [
    `<text x="${width / 2}" y="24" text-anchor="middle" font-weight="bold">${escaped(title)}</text>\n`,
    ...across.ticks.map((tick) => {
      const at = left(tick);
      const label = `<text x="${at}" y="${bottom + 18}" text-anchor="middle">${tickText(tick)}</text>`;
      return `<line x1="${at}" y1="${margin.top}" x2="${at}" y2="${bottom}" stroke="#ddd"/>${label}\n`;
    }),
    ...up.ticks.map((tick) => {
      const at = top(tick);
      const label = `<text x="${margin.left - 8}" y="${at + 4}" text-anchor="end">${tickText(tick)}</text>`;
      return `<line x1="${margin.left}" y1="${at}" x2="${margin.left + plotWidth}" y2="${at}" stroke="#ddd"/>${label}\n`;
    }),
    `<path d="M${margin.left} ${margin.top}V${bottom}H${margin.left + plotWidth}" fill="none" stroke="black"/>\n`,
    `<polyline points="${line}" fill="none" stroke="#0060a0" stroke-width="2"/>\n`,
    ...points.map(
      (point) =>
        `<circle cx="${left(point.x)}" cy="${top(point.y)}" r="3" fill="#0060a0"><title>${tickText(point.x)}: ${tickText(point.y)}</title></circle>\n`,
    ),
    `<text x="${margin.left + plotWidth / 2}" y="${height - 12}" text-anchor="middle">${escaped(x.title)}</text>\n`,
    `<text transform="translate(16 ${margin.top + plotHeight / 2}) rotate(-90)" text-anchor="middle">${escaped(y.title)}</text>\n`,
  ].join('');
}

interface Scale {
  /** Pixels from the axis' beginning. */
  place(value: number): number;
  ticks: readonly number[];
}

function scaleOf(values: readonly number[], kind: Axis['scale'], pixels: number): Scale {
  const sorted = values.filter((value) => Number.isFinite(value) && (kind === 'linear' || value > 0));
  const ticks = (kind === 'log' ? logTicks : linearTicks)(
    Math.min(...sorted, Infinity),
    Math.max(...sorted, -Infinity),
  );
  const low = ticks[0] ?? 0;
  const high = ticks.at(-1) ?? 1;
  const measure = kind === 'log' ? Math.log10 : (value: number) => value;
  const span = measure(high) - measure(low) || 1;
  return { ticks, place: (value) => ((measure(value) - measure(low)) / span) * pixels };
}

/** Multiples of 1, 2 or 5 times a power of ten, around all values. */
function linearTicks(least: number, most: number): number[] {
  if (!(most > least)) return [0, Number.isFinite(most) && most > 0 ? most : 1];
  const rough = (most - least) / (mostTicks - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(least / step);
  const count = Math.ceil(most / step - 1e-9) - first + 1;
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** Powers of ten around all values; where they are within two of them, twice and five times these, too. */
function logTicks(least: number, most: number): number[] {
  if (!(most >= least)) return [1, 10];
  const first = Math.floor(Math.log10(least) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(most) - 1e-9));
  const step = Math.ceil((last - first) / 10);
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = first; power < last; power += step) ticks.push(...factors.map((factor) => factor * 10 ** power));
  return [...ticks, 10 ** last].map((tick) => Number(tick.toPrecision(12)));
}

/** Short, with the units of thousands: `1.5 k`, `20 M`. */
export function tickText(value: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(4))} ${unit}`;
  }
  return String(Number(value.toPrecision(4)));
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Control characters, which XML cannot hold, become spaces. */
function escaped(text: string): string {
  return [...text]
    .map((character) => (character < ' ' || character === '\u007f' ? ' ' : (entities[character] ?? character)))
    .join('');
}
