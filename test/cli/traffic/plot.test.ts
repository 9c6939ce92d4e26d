import { expect, test } from 'vitest';
import { plotSvg, tickText } from '../../../cli/traffic/plot.ts';

const linear = { title: 'how many', scale: 'linear' } as const;
const log = { title: 'when', scale: 'log' } as const;

/** Places of the ticks' labels along an axis, by what they say. */
function labels(svg: string, anchor: 'end' | 'middle', coordinate: 'x' | 'y'): Map<string, number> {
  const found = [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)">([^<]*)<\/text>/g)];
  return new Map(
    found
      .filter(([, , , where]) => where === anchor)
      .map(([, x, y, , text]) => [text ?? '', Number(coordinate === 'x' ? x : y)]),
  );
}

test('points lie where the ticks say', () => {
  const points = [
    { x: 1, y: 10 },
    { x: 10, y: 20 },
    { x: 1000, y: 40 },
  ];
  const svg = plotSvg('plot', [{ title: 'panel', x: log, y: linear, points }]);
  const across = labels(svg, 'middle', 'x');
  const up = labels(svg, 'end', 'y');
  const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
  expect(circles.map(([x]) => x)).toEqual(['1', '10', '1 k'].map((text) => across.get(text)));
  // Labels stand four pixels below the middle of their text.
  expect(circles.map(([, y]) => y)).toEqual(['10', '20', '40'].map((text) => (up.get(text) ?? 0) - 4));
  expect(up.has('0')).toBe(true);
});

test.each([
  [[]],
  [[{ x: 1, y: 0 }]],
  [
    [
      { x: 5, y: 5 },
      { x: 5, y: 5 },
    ],
  ],
  [
    [
      { x: 1e-3, y: 1e12 },
      { x: 1e9, y: 0 },
    ],
  ],
])('no plot has a number that is none: %j', (points) => {
  const svg = plotSvg('', [{ title: '', x: log, y: linear, points }]);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
});

test('text is text', () => {
  expect(plotSvg('<script>&\u0001"', [])).toContain('&lt;script&gt;&amp; &quot;');
});

test('short numbers', () => {
  expect([0, 0.5, 12.3456, 1500, 2e6, 3.25e9].map(tickText)).toEqual(['0', '0.5', '12.35', '1.5 k', '2 M', '3.25 G']);
});
