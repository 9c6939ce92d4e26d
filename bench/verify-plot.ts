/** How long a network takes to be verified by how many ports it has, as a picture: both axes by powers of ten. */

/** Milliseconds. */
export interface Point {
  readonly ports: number;
  readonly cold: number;
  readonly changed: number;
  /** After a change that no part is followed for. */
  readonly restored: number;
}

const left = 90;
const top = 20;
const width = 520;
const height = 320;
/** Powers of ten at the ends of the axes: ports, and milliseconds. */
const axes = { ports: [1, 5], time: [0, 6] } as const;

const x = (ports: number): number =>
  left + (width * (Math.log10(ports) - axes.ports[0])) / (axes.ports[1] - axes.ports[0]);
const y = (milliseconds: number): number =>
  top + height - (height * (Math.log10(Math.max(1, milliseconds)) - axes.time[0])) / (axes.time[1] - axes.time[0]);

const times = ['1 ms', '10 ms', '0.1 s', '1 s', '10 s', '100 s', '1000 s'];

/** The picture, SVG 1.1: of networks of more and more VPCs, and of one VPC with more and more ports. */
export function plotText(points: readonly Point[], single: readonly Point[]): string {
  const lines = [
    ...times.map((text, power) => grid(left, y(10 ** power), left + width, y(10 ** power), text)),
    ...Array.from({ length: axes.ports[1] - axes.ports[0] + 1 }, (_, index) =>
      portsLine(10 ** (axes.ports[0] + index)),
    ),
    curve(
      points.map(({ ports, cold }) => [x(ports), y(cold)]),
      '#2563eb',
      'from nothing',
      -4,
    ),
    curve(
      points.map(({ ports, changed }) => [x(ports), y(changed)]),
      '#ea580c',
      'one port changed',
      12,
    ),
    curve(
      points.map(({ ports, restored }) => [x(ports), y(restored)]),
      '#16a34a',
      'changed back',
      12,
    ),
    curve(
      single.map(({ ports, cold }) => [x(ports), y(cold)]),
      '#7c3aed',
      'in one VPC',
      -4,
    ),
  ];
  const size = `width="${left + width + 150}" height="${top + height + 50}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-labelledby="name" font-family="sans-serif" font-size="13">\n<title id="name">Time to verify a network, from nothing and after one port changed, by its number of ports</title>\n<rect width="100%" height="100%" fill="#fff"/>\n${lines.join('\n')}\n</svg>\n`;
}

const grid = (x1: number, y1: number, x2: number, y2: number, text: string): string =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/><text x="${x1 - 8}" y="${y1 + 4}" text-anchor="end" fill="#444">${text}</text>`;

function portsLine(ports: number): string {
  const at = x(ports);
  const text = `${ports.toLocaleString('en')}${ports === 10 ? ' ports' : ''}`;
  return `<line x1="${at}" y1="${top}" x2="${at}" y2="${top + height}" stroke="#ddd"/><text x="${at}" y="${top + height + 20}" text-anchor="middle" fill="#444">${text}</text>`;
}

/** A line with its name at the end, so much below it. */
function curve(places: readonly (readonly [number, number])[], colour: string, name: string, below: number): string {
  const last = places.at(-1);
  if (!last) return '';
  const points = places.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(' ');
  const dots = places
    .map(([a, b]) => `<circle cx="${a.toFixed(1)}" cy="${b.toFixed(1)}" r="4" fill="${colour}"/>`)
    .join('');
  const label = `<text x="${last[0] + 10}" y="${last[1] + below}" fill="${colour}">${name}</text>`;
  return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>${dots}${label}`;
}
