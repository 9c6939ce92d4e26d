/**
 * A picture of the network: its datapaths, how they are joined, the ports on
 * them and the world outside, as inline SVG.
 */
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { attributes, escaped } from './markup.ts';
import { count } from './wording.ts';

export interface PictureNode {
  readonly name: string;
  readonly kind: 'switch' | 'router' | 'outside';
  /** Names of the ports of hosts. */
  readonly ports: readonly string[];
}

export interface Picture {
  readonly nodes: readonly PictureNode[];
  /** Pairs of indices of nodes. */
  readonly links: readonly (readonly [number, number])[];
}

const outsideTypes: ReadonlySet<string> = new Set(['localnet', 'l2gateway', 'vtep', 'remote']);
const insideTypes: ReadonlySet<string> = new Set(['patch', 'l3gateway', 'chassisredirect', 'localport']);

/** What there is to draw of a database. */
export function pictureOf({ datapaths, ports }: Southbound): Picture {
  const indices = new Map(datapaths.map(({ uuid }, index) => [uuid, index]));
  const byName = new Map(ports.map((port) => [port.logicalPort, port]));
  const hosts = datapaths.map((): string[] => []);
  const outside = new Map<string, number>();
  const links = new Map<string, [number, number]>();
  const join = (a: number, b: number): unknown => links.set(`${Math.min(a, b)} ${Math.max(a, b)}`, [a, b]);
  for (const { datapath, logicalPort, type, options } of ports) {
    const own = indices.get(datapath);
    if (own === undefined) continue;
    const peer = indices.get(byName.get(options.peer ?? '')?.datapath ?? '');
    if (outsideTypes.has(type)) {
      const name = options.network_name ?? type;
      const number = outside.get(name) ?? datapaths.length + outside.size;
      outside.set(name, number);
      join(number, own);
    } else if (peer !== undefined) join(own, peer);
    else if (!insideTypes.has(type) && datapaths[own]?.kind === 'switch') hosts[own]?.push(logicalPort);
  }
  const inside = datapaths.map(({ name, kind }, index): PictureNode => ({ name, kind, ports: hosts[index] ?? [] }));
  const others = [...outside.keys()].map((name): PictureNode => ({ name, kind: 'outside', ports: [] }));
  return { nodes: [...inside, ...others], links: [...links.values()] };
}

/** More than this nobody finds his way in. */
const nodeLimit = 120;
const portLimit = 14;

const box = { width: 190, height: 58, gapX: 90, gapY: 22, margin: 16 } as const;

/** The picture, with the marked ports in the colour of a broken promise; a sentence where there is too much to draw. */
export function pictureMarkup(picture: Picture, marked: ReadonlySet<string>): string {
  const { nodes, links } = picture;
  if (nodes.length > nodeLimit) return `<p>${count(nodes.length, 'datapath')} are too many for a picture.</p>`;
  const places = layOut(picture);
  const width = Math.max(0, ...places.map(({ x }) => x + box.width)) + box.margin;
  const height = Math.max(0, ...places.map(({ y }) => y + box.height)) + box.margin;
  const label = `The network: ${count(nodes.length, 'node')}`;
  const frame = attributes({ viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': label });
  return [
    `<svg class="picture"${frame}>`,
    ...links.map(([a, b]) => wire(places[a], places[b])),
    ...nodes.map((node, index) => shape(node, places[index] as Place, marked)),
    '</svg>',
  ].join('\n');
}

interface Place {
  x: number;
  y: number;
}

/** In columns by the distance from the world outside, each node near those it is joined to. */
function layOut({ nodes, links }: Picture): Place[] {
  const near = nodes.map((): number[] => []);
  for (const [a, b] of links) {
    near[a]?.push(b);
    near[b]?.push(a);
  }
  const columns = columnsOf(nodes, near);
  const rows: number[] = [];
  for (const column of columns) {
    const middle = (node: number): number => {
      const known = (near[node] ?? []).flatMap((other) => rows[other] ?? []);
      return known.length === 0 ? node : known.reduce((sum, row) => sum + row, 0) / known.length;
    };
    column.sort((a, b) => middle(a) - middle(b) || a - b);
    for (const [row, node] of column.entries()) rows[node] = row;
  }
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const places: Place[] = [];
  for (const [x, column] of columns.entries()) {
    const top = ((tallest - column.length) * (box.height + box.gapY)) / 2;
    for (const [y, node] of column.entries()) {
      const left = box.margin + x * (box.width + box.gapX);
      places[node] = { x: left, y: box.margin + top + y * (box.height + box.gapY) };
    }
  }
  return places;
}

/** Breadth first from the world outside; of what is not joined to it, from its routers, or from anywhere. */
function columnsOf(nodes: readonly PictureNode[], near: readonly (readonly number[])[]): number[][] {
  const columns: number[][] = [];
  const done = new Set<number>();
  const order = nodes.map((_, index) => index).sort((a, b) => rank(nodes[a]) - rank(nodes[b]) || a - b);
  for (const start of order) {
    if (done.has(start)) continue;
    // All of the world outside is one start.
    let front = nodes[start]?.kind === 'outside' ? order.filter((node) => nodes[node]?.kind === 'outside') : [start];
    const first =
      columns[0]?.some((node) => nodes[node]?.kind === 'outside') && nodes[start]?.kind !== 'outside' ? 1 : 0;
    for (const node of front) done.add(node);
    for (let column = first; front.length > 0; column++) {
      columns[column] = [...(columns[column] ?? []), ...front];
      const next = new Set(front.flatMap((node) => near[node] ?? []).filter((node) => !done.has(node)));
      for (const node of next) done.add(node);
      front = [...next];
    }
  }
  return columns;
}

const rank = (node: PictureNode | undefined): number => ['outside', 'router', 'switch'].indexOf(node?.kind ?? 'switch');

function wire(from: Place | undefined, to: Place | undefined): string {
  if (!from || !to) return '';
  const [left, right] = from.x <= to.x ? [from, to] : [to, from];
  const isSame = left.x === right.x;
  const x1 = isSame ? left.x + box.width / 2 : left.x + box.width;
  const x2 = isSame ? right.x + box.width / 2 : right.x;
  const [y1, y2] = [left.y + box.height / 2, right.y + box.height / 2];
  return `<line${attributes({ class: 'wire', x1, y1, x2, y2 })}/>`;
}

const nameLimit = 24;

function shape({ name, kind, ports }: PictureNode, { x, y }: Place, marked: ReadonlySet<string>): string {
  const shown = name.length > nameLimit ? `${name.slice(0, nameLimit - 1)}…` : name;
  const size = { x, y, width: box.width, height: box.height, rx: kind === 'switch' ? 4 : 20 };
  const text = (content: string, dy: number, className: string): string =>
    `<text${attributes({ x: x + 12, y: y + dy, class: className })}>${escaped(content)}</text>`;
  return [
    `<g class="${kind}"><title>${escaped(kind === 'outside' ? `the world outside: ${name}` : `${kind} ${name}`)}</title>`,
    `<rect${attributes(size)}/>`,
    text(shown, 23, 'name'),
    ports.length === 0 ? text(kind === 'outside' ? 'the world outside' : kind, 43, 'kind') : '',
    ...dots(ports, x + 12, y + 41, marked),
    '</g>',
  ].join('');
}

/** A dot a port, marked ones first, and how many more there are. */
function dots(ports: readonly string[], x: number, y: number, marked: ReadonlySet<string>): string[] {
  const sorted = [...ports].sort((a, b) => Number(marked.has(b)) - Number(marked.has(a)));
  const shown = sorted.slice(0, ports.length > portLimit ? portLimit - 4 : portLimit);
  const more = ports.length - shown.length;
  return [
    ...shown.map((port, index) => {
      const place = { cx: x + 4 + index * 12, cy: y - 3, r: 4.5, class: marked.has(port) ? 'port bad' : 'port' };
      return `<circle${attributes(place)}><title>${escaped(port)}</title></circle>`;
    }),
    ...(more > 0 ? [`<text${attributes({ x: x + shown.length * 12 + 4, y, class: 'kind' })}>+${more}</text>`] : []),
  ];
}
