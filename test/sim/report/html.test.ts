import { describe, expect, it } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import { htmlReport } from '../../../sim/report/html.ts';
import { pictureOf } from '../../../sim/report/picture.ts';
import { redAndBlue } from '../../topology.ts';
import { hostile, hostileName, properties, proven, violated } from './sample.ts';
import { parseXml, type XmlElement } from './xml.ts';

const html = (of: typeof violated): string => htmlReport(of, { properties, version: '1.2.3', subject: 'red.yaml' });

/** The document without its style and script, as XML, which it is but for what HTML leaves open. */
function read(text: string): XmlElement {
  const xml = text
    .replace('<!DOCTYPE html>', '<?xml version="1.0" encoding="UTF-8"?>')
    .replace(/<(style|script)>[\s\S]*?<\/\1>/g, '')
    .replace(/<(meta|br)([^>]*)>/g, '<$1$2/>')
    .replaceAll('<details open>', '<details open="">')
    .replaceAll(' data-copy>', ' data-copy="">');
  return parseXml(xml);
}

const all = (element: XmlElement): XmlElement[] => [element, ...element.children.flatMap(all)];
const named = (element: XmlElement, name: string): XmlElement[] => all(element).filter((each) => each.name === name);
const textOf = (element: XmlElement): string => element.text + element.children.map(textOf).join(' ');

describe('the report as a document', () => {
  it('asks nobody for anything', () => {
    for (const text of [html(violated), html(proven), html(hostile())]) {
      const asking = ['src', 'srcset', 'action', 'background', 'poster', 'data', 'style'];
      const elements = all(read(text));
      expect(elements.filter(({ attributes }) => asking.some((name) => name in attributes))).toEqual([]);
      const loading = ['link', 'img', 'iframe', 'object', 'embed', 'form', 'base', 'image', 'use'];
      expect(elements.filter(({ name }) => loading.includes(name))).toEqual([]);
      expect(text.slice(0, text.indexOf('</style>'))).not.toMatch(/url\(|@import/);
      expect(text).toContain('content="default-src &#39;none&#39;;');
    }
  });

  it('says the verdict first, and all promises', () => {
    const document = read(html(violated));
    const [header] = named(document, 'header');
    expect(header && textOf(header)).toBe(' lflow verify: red.yaml ✗ violated'.trimStart());
    const rows = named(document, 'table')[0]
      ?.children.slice(1)
      .map((row) => row.children.map(textOf).map((text) => text.trim()));
    expect(rows).toEqual([
      ['✗ violated', 'tenant-isolation', 'nothing that one VPC sends arrives in another', '1 is violated, 1 holds'],
      ['✓ holds', 'no-loop', 'no packet goes round and round', '1 holds'],
      ['– vacuous', 'nat-unique', 'an external address belongs to one owner', '1 is vacuous'],
      ['? unknown', 'dhcp-served', 'DHCP gives each interface its address', '1 is unknown'],
      ['✗ violated', 'acl-effective', 'what an ACL denies is not delivered', '3 are violated'],
    ]);
  });

  it('has the table of who reaches whom, in words for those who see no colours', () => {
    const cells = named(read(html(violated)), 'td').filter(({ attributes }) => attributes.title);
    expect(cells.map(({ attributes, text }) => [attributes.class, text])).toEqual([
      ['all', '✓ any'],
      ['some', '~ icmp, tcp/443'],
      ['all', '✓ any IPv4'],
      ['none', '·'],
      ['all', '✓ any'],
      ['all', '✓ any IPv4'],
      ['none', '·'],
      ['none', '·'],
      ['none', '·'],
    ]);
    expect(cells[1]?.attributes.title).toBe('red-a to blue-a: some pairs of ports, icmp, tcp/443');
  });

  it('tells each broken promise whole', () => {
    const [article, ...others] = named(read(html(violated)), 'article');
    const text = article ? textOf(article) : '';
    const [finding] = violated.properties;
    for (const part of [
      finding?.reason,
      finding?.counterexample?.summary,
      finding?.counterexample?.arrives?.summary,
      finding?.counterexample?.frame,
      finding?.counterexample?.microflow,
      finding?.counterexample?.trace,
      'red@n0+external 30.30.0.1 02:00:00:00:00:09',
      'udp 10.1.0.9:53',
      'ls_in_l2_lkup',
      'red.yaml:12:3',
      'Logical_Switch_Port blue-a-vf2@n0, DPUVPC/default/red at red.yaml:12:3',
      'eth.dst 02:00:00:00:00:02',
      'ip.proto 1 (ICMP)',
    ]) {
      expect(text).toContain(part);
    }
    expect(others.map(({ attributes }) => [attributes['data-property'], attributes.class])).toEqual([
      ['dhcp-served', 'open'],
      ['acl-effective', 'broken'],
      ['acl-effective', 'mild'],
      ['acl-effective', 'mild'],
    ]);
    expect(textOf(others[1] as XmlElement)).toContain('no route leads to 10.9.0.0/24');
  });

  it('is readable without scripts: nothing is hidden but what a reader can unfold', () => {
    const document = read(html(violated));
    expect(all(document).filter(({ attributes }) => 'hidden' in attributes || attributes.style)).toEqual([]);
    expect(named(document, 'details').every(({ children }) => children[0]?.name === 'summary')).toBe(true);
  });

  it('is only text what a name says', () => {
    const document = read(html(hostile()));
    const shown = hostileName.replace('\u001b', '\\x1b').replace('\u0000', '\\x00').replace('\u202e', '\\u202e');
    expect(named(document, 'h3')[0]?.text).toBe(`tenant-isolation: ${shown}`);
    expect(named(document, 'img')).toEqual([]);
    expect(html(hostile()).match(/<script>/g)).toHaveLength(1);
    const link = htmlReport(proven, { properties: [{ id: 'no-loop', promise: 'x', help: 'javascript:alert(1)' }] });
    expect(link).not.toContain('javascript:');
  });
});

describe('the picture of the network', () => {
  const { southbound } = computeSouthbound(northboundOfPlan(planTopology(redAndBlue())));
  const picture = pictureOf(southbound);

  it('has every datapath, every port of a host, and the world outside', () => {
    expect(picture.nodes.filter(({ kind }) => kind === 'outside').map(({ name }) => name)).toEqual(['physnet']);
    expect(picture.nodes.filter(({ kind }) => kind !== 'outside')).toHaveLength(southbound.datapaths.length);
    const ports = picture.nodes.flatMap((node) => node.ports);
    expect(ports.sort()).toEqual(
      southbound.ports
        .filter(({ type }) => type === '')
        .map(({ logicalPort }) => logicalPort)
        .sort(),
    );
  });

  it('joins what patch ports join', () => {
    const name = (index: number) => picture.nodes[index]?.name;
    const pairs = picture.links.map(([a, b]) => [name(a), name(b)].sort().join(' - '));
    expect(pairs).toContain('default/red - default/red-a');
    expect(new Set(pairs).size).toBe(pairs.length);
  });

  it('draws all of it inside its frame, and marks the ports of findings', () => {
    const [, port = ''] = picture.nodes.flatMap((node) => node.ports);
    const marked = structuredClone(violated);
    if (marked.properties[0]?.counterexample) marked.properties[0].counterexample.inport = port;
    const document = read(htmlReport(marked, { properties, picture }));
    const [svg] = named(document, 'svg');
    expect(svg).toBeDefined();
    const [, , width = 0, height = 0] = (svg?.attributes.viewBox ?? '').split(' ').map(Number);
    const boxes = named(svg as XmlElement, 'rect').map(({ attributes }) => attributes);
    expect(boxes).toHaveLength(picture.nodes.length);
    for (const box of boxes) {
      expect(Number(box.x) + Number(box.width)).toBeLessThan(width);
      expect(Number(box.y) + Number(box.height)).toBeLessThan(height);
      expect(Math.min(Number(box.x), Number(box.y))).toBeGreaterThanOrEqual(0);
    }
    expect(new Set(boxes.map(({ x, y }) => `${x} ${y}`)).size).toBe(boxes.length);
    const bad = named(svg as XmlElement, 'circle').filter(({ attributes }) => attributes.class === 'port bad');
    expect(bad.map((dot) => textOf(dot))).toEqual([port]);
  });

  it('says so where there is too much to draw', () => {
    const many = {
      nodes: Array.from({ length: 500 }, () => ({ name: 'x', kind: 'switch' as const, ports: [] })),
      links: [],
    };
    expect(htmlReport(proven, { properties, picture: many })).toContain('500 datapaths are too many for a picture.');
  });
});
