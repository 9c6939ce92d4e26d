import { describe, expect, it } from 'vitest';
import { junitReport } from '../../../sim/report/junit.ts';
import { hostile, hostileName, properties, proven, violated } from './sample.ts';
import { parseXml } from './xml.ts';

const xml = (of: typeof violated): string => junitReport(of, { properties });

describe('the report for build servers', () => {
  it('is a suite a property and a test a subject', () => {
    expect(xml(proven)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="lflow verify" tests="1" failures="0" errors="0" skipped="0" time="0.040">
  <testsuite name="no-loop" tests="1" failures="0" errors="0" skipped="0">
    <properties><property name="promise" value="no packet goes round and round"/></properties>
    <testcase name="all packets" classname="lflow.no-loop"/>
  </testsuite>
</testsuites>
`);
  });

  it('fails for what is broken, errs for what is unknown, skips what is vacuous or excused, and lets warnings pass', () => {
    const { children: suites, attributes } = parseXml(xml(violated));
    expect(attributes).toMatchObject({ tests: '8', failures: '2', errors: '1', skipped: '2' });
    const cases = suites.flatMap(({ children }) => children.filter(({ name }) => name === 'testcase'));
    const outcomes = cases.map(({ attributes, children }) => [
      attributes.name,
      children.map(({ name }) => name).join(),
    ]);
    expect(outcomes).toEqual([
      ['red to blue', 'failure'],
      ['blue to red', ''],
      ['all packets', ''],
      ['all', 'skipped'],
      ['red-a', 'error'],
      ['web to db', 'failure'],
      ['lab', 'skipped'],
      ['spare', 'system-out'],
    ]);
  });

  it('tells the packet, its flows and where to look', () => {
    const [suite] = parseXml(xml(violated)).children;
    const test = suite?.children.find(({ name }) => name === 'testcase');
    expect(test?.attributes).toEqual({
      name: 'red to blue',
      classname: 'lflow.tenant-isolation',
      file: 'red.yaml',
      line: '12',
    });
    expect(test?.children[0]?.attributes).toEqual({ message: 'a packet of red arrives in blue', type: 'violated' });
    expect(test?.children[0]?.text).toBe(`first: udp 10.1.0.9:53 > 30.30.0.1:53, into blue-a-vf2@n0
packet: icmp echo request 10.1.0.2 > 10.1.0.9, from 02:00:00:00:00:01 to 02:00:00:00:00:02
goes into: red-a-vf2@n0
comes out: blue-a-vf2@n0
microflow: --ct=new --ct=new inport == "red-a-vf2@n0" && eth.src == 02:00:00:00:00:01
frame: ${violated.properties[0]?.counterexample?.frame}
flow: red-a ls_in_l2_lkup 50: eth.dst == 02:00:00:00:00:02 → outport = "x"; output;   Logical_Switch_Port blue-a-vf2@n0, DPUVPC/default/red at red.yaml:12:3
written down at: red.yaml:12:3`);
  });

  it('stays XML whatever names there are', () => {
    const { children } = parseXml(xml(hostile()));
    expect(children).toHaveLength(5);
    expect(children[0]?.children[1]?.attributes.name).toBe(
      hostileName.replace('\u001b', '\\x1b').replace('\u0000', '\\x00').replace('\u202e', '\\u202e'),
    );
    expect(xml(hostile())).not.toContain('<img');
  });
});

it('the reader of XML in these tests takes no broken XML', () => {
  for (const broken of ['<a>', '<a></b>', '<a b=c/>', '<a>&x;</a>', '<a/><b/>', '<a>\u0001</a>', '<a b="<"/>']) {
    expect(() => parseXml(`<?xml version="1.0" encoding="UTF-8"?>\n${broken}`), broken).toThrow();
  }
});
