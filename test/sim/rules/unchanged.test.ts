/** Rules `unchanged`: two networks side by side. */
import { describe, expect, test } from 'vitest';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { openAnswers } from '../../../sim/answers/index.ts';
import { comparison } from '../../../sim/rules/index.ts';
import { addPort } from '../../northd/router/build.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';
import { balanced, judgements, lineOf, type Made, policyOf, shop, viewFor } from './networks.ts';

const rule = (claim: string): string => `lflow: 1\nrules:\n  - { id: same, unchanged: { ${claim} } }\n`;

/** What becomes of a rule `unchanged` when a network takes another one's place. */
function judged(old: Made, now: Made, claim: string, as = 'previous') {
  const policy = policyOf(rule(claim));
  const others = new Map([[as, { southbound: old.network.southbound, plans: old.plans }]]);
  // A name of its own for each network: views of one name are the same.
  const name = `unchanged ${networks.indexOf(now) < 0 ? networks.push(now) : networks.indexOf(now) + 1}`;
  const judgement = judgements(now, policy, name, { compare: comparison(policy, others) }).get('same');
  return { judgement, view: viewFor(now, policy, name) };
}

const networks: Made[] = [];
const line = (old: Made, now: Made, claim: string): string => lineOf(judged(old, now, claim).judgement);

const toDatabase = 'to: { port: db1 }, against: previous';
const plain = shop();

const open = (nb: Northbound, match: string): unknown =>
  addAcl(nb, logicalSwitch(nb, 'data'), 'to-lport', 1000, match, 'allow-stateless');

/** The shop, where hosts of `front` reach another port of `data`, too. */
const opened = shop((nb) => open(nb, 'ip4.src == 10.1.0.11 && tcp.dst == 22'));
describe('what arrives is', () => {
  test('the same, if nothing has changed, or what has concerns others', () => {
    expect(line(plain, shop(), toDatabase)).toBe('holds');
    expect(line(plain, opened, 'from: { port: web2 }, to: { port: web1 }, against: previous')).toBe('holds');
    expect(line(plain, opened, 'to: { port: db1 }, traffic: { not: tcp/22 }, against: previous')).toBe('holds');
    expect(line(plain, opened, 'to: { port: db1 }, traffic: tcp/5432, against: previous')).toBe('holds');
  });

  test('the same, if it is written in another way', () => {
    const halves = shop((nb) => {
      const data = logicalSwitch(nb, 'data');
      data.acls = data.acls.filter((uuid) => !nb.ACL.get(uuid)?.match.includes('5432'));
      for (const half of ['10.1.0.0/25', '10.1.0.128/25']) open(nb, `ip4.src == ${half} && tcp.dst == 5432`);
    });
    expect(line(plain, halves, toDatabase)).toBe('holds');
  });

  test('more where nobody looked: a host of `data` that lies may now reach a router, and hosts behind it', () => {
    const { judgement } = judged(plain, opened, 'to: { port: web1 }, against: previous');
    expect(lineOf(judgement)).toMatch(/^violated goes: a packet from anybody arrives at "web1"/);
  });

  test('more, and less the other way round', () => {
    expect(line(plain, opened, toDatabase)).toBe(
      'violated goes: a packet from anybody arrives at "db1", which did not in "previous"',
    );
    expect(line(opened, plain, toDatabase)).toBe(
      'violated missing: a packet from anybody that arrived at "db1" in "previous" does not any more',
    );
  });

  test('what a new host sends, and not what one sends that is gone', () => {
    const larger = shop((nb) => addPort(nb, 'front', 'web3', ['02:00:00:00:01:13 10.1.0.13']));
    expect(line(plain, larger, toDatabase)).toMatch(/^violated goes: .* arrives at "db1", which did not/);
    expect(line(larger, plain, toDatabase)).toBe(
      'violated written: a packet from anybody that arrived at "db1" in "previous" does not any more: the ports that it was sent by are gone',
    );
    expect(line(plain, larger, 'from: { port: [web1, web2] }, to: { port: db1 }, against: previous')).toBe('holds');
  });

  test('nothing, where the receiver is gone, whom the set still means', () => {
    const larger = shop((nb) => addPort(nb, 'front', 'web3', ['02:00:00:00:01:13 10.1.0.13']));
    const claim =
      'from: { port: web1 }, to: { switch: front }, traffic: ip4, not-through: { router: r }, against: previous';
    expect(line(larger, plain, claim)).toBe(
      'violated written: a packet from port web1 that arrived at "web3" in "previous" does not any more: there is no such port now',
    );
  });

  test('the same wherever it goes to, and not where it looks otherwise and that is asked', () => {
    const moved = balanced('10.0.0.11:8081');
    const claim = 'from: { port: a }, to: { port: b }, traffic: tcp/80, against: previous';
    expect(line(balanced(), moved, claim)).toBe('holds');
    const seen = (port: number): string => claim.replace('traffic', `seen-as: { dst-port: ${port} }, traffic`);
    expect(line(balanced(), balanced(), seen(8080))).toBe('holds');
    expect(line(balanced(), moved, seen(8081))).toMatch(/^violated goes: a packet from port a arrives at "b"/);
  });
});

test('a packet is shown in the network that there is now', () => {
  const appeared = judged(plain, opened, toDatabase);
  if (appeared.judgement?.verdict !== 'violated') throw new Error('it is not violated');
  const { counterexample } = openAnswers(appeared.view.analysis).explain(appeared.judgement.violation);
  expect(counterexample?.microflow).toMatch(/inport == "web1".*tcp\.dst == 22/);
  expect(counterexample?.replayed.tracer).toBe(true);
  const lost = judged(opened, plain, toDatabase);
  if (lost.judgement?.verdict !== 'violated') throw new Error('it is not violated');
  const { obstacles } = openAnswers(lost.view.analysis).explain(lost.judgement.violation);
  expect(obstacles?.length).toBeGreaterThan(0);
});

test('a rule is compared with what goes by its name, or by none', () => {
  const nameless = 'to: { port: db1 }';
  expect(lineOf(judged(plain, opened, nameless, '').judgement)).toMatch(/which did not before$/);
  expect(lineOf(judged(plain, opened, nameless).judgement)).toBe(
    'unknown: there is nothing given to compare with: lflow verify --against INPUT',
  );
  expect(lineOf(judged(plain, opened, toDatabase, 'other').judgement)).toMatch(/^unknown: .* as "previous"/);
});
