import { describe, expect, it } from 'vitest';
import { textReport } from '../../../sim/report/text.ts';
import { hostile, properties, proven, unknown, violated } from './sample.ts';

const text = (of: typeof violated, colour = false): string => textReport(of, { properties, colour });

describe('the report for people', () => {
  it('tells a broken promise with all that is needed to believe and to mend it', () => {
    expect(text(violated)).toBe(`2 VPCs, 3 networks, 1,204 ports on 2 nodes, 66,000 logical flows

✗ tenant-isolation           violated (1 of 2 subjects)
    nothing that one VPC sends arrives in another

    red to blue: a packet of red arrives in blue
      first     udp 10.1.0.9:53 > 30.30.0.1:53, into blue-a-vf2@n0
      packet    icmp echo request 10.1.0.2 > 10.1.0.9, from 02:00:00:00:00:01 to 02:00:00:00:00:02
      goes into red-a-vf2@n0
      comes out blue-a-vf2@n0
      as        icmp echo request 10.1.0.2 > 10.1.0.9, from 02:00:00:00:00:03 to 02:00:00:00:00:04, ttl 63
      known     red@n0+external 30.30.0.1 02:00:00:00:00:09
      flows that decide
        red-a ls_in_l2_lkup 50: eth.dst == 02:00:00:00:00:02 → outport = "x"; output;   (Logical_Switch_Port blue-a-vf2@n0, DPUVPC/default/red at red.yaml:12:3)
      written down at
        red.yaml:12:3
      to see it again
        ovn-trace --ct=new --ct=new 'inport == "red-a-vf2@n0" && eth.src == 02:00:00:00:00:01'
        first frame ff
        frame ${violated.properties[0]?.counterexample?.frame}

✓ no-loop                    holds (all packets)
    no packet goes round and round

– nat-unique                 vacuous (there is no NAT)
    an external address belongs to one owner

? dhcp-served                unknown (red-a)
    DHCP gives each interface its address

    red-a: put_dhcp_opts has the option "odd"

✗ acl-effective              violated (1 of 3 subjects)
    what an ACL denies is not delivered

    web to db: tcp to port 5432 is promised and does not arrive
      for it to arrive, this would have to change
        1. the ACL "deny all" drops it (red-a ls_in_acl 50: ip4 → drop;)
        2. no route leads to 10.9.0.0/24
      written down at
        policy.yaml:4:5

    lab: telnet gets through; excused until 2027-01-31: it is a lab, NET-42

    spare: it decides nothing (warning)

Who reaches whom, over all packets (✓ every pair of ports, ~ some pairs, · nobody):

            to A B C
  A red-a      ✓ ~ ✓
  B blue-a     · ✓ ✓
  C outside    · · ·

Only this gets through:
  A→B: icmp, tcp/443
  A→C B→C: any IPv4

VIOLATED: 2 promises are broken, and of 1 promise it is not known (1.2 s).
`);
  });

  it('tells a proof in few words', () => {
    expect(text(proven)).toBe(`4 ports, 1 logical flow

✓ no-loop                    holds (all packets)
    no packet goes round and round

HOLDS: proven for all packets (0.0 s).
`);
    const noLoop = proven.properties[0] as (typeof proven.properties)[number];
    const doubtful = [{ ...noLoop, severity: 'warning' as const, verdict: 'unknown' as const, reason: 'who knows' }];
    expect(text({ ...proven, properties: [...proven.properties, ...doubtful] })).toContain(
      'HOLDS: what counts is proven for all packets; 1 promise of less weight not understood (0.0 s).',
    );
    const excused = { reason: 'it is a lab' };
    const others = [
      { ...noLoop, severity: 'info' as const, verdict: 'violated' as const, reason: 'it is so' },
      { ...noLoop, verdict: 'violated' as const, reason: 'it is so', excused },
    ];
    expect(text({ ...proven, properties: others })).toContain('; 1 warning, 1 finding excused (0.0 s).');
    expect(text(unknown)).toContain('UNKNOWN: whether 1 promise holds was not understood (0.0 s).');
    expect(text({ ...proven, verdict: 'vacuous', properties: [] })).toContain('VACUOUS: there is nothing here');
  });

  it('says so where the proof could not be replayed', () => {
    const doubtful = structuredClone(violated);
    const example = doubtful.properties[0]?.counterexample;
    if (example) example.replayed = { tracer: true, plane: false, why: 'the data plane drops it' };
    expect(text(doubtful)).toContain('this is a mistake of lflow: the data plane drops it; please report it');
  });

  it('shows at most the last flows of a long way', () => {
    const long = structuredClone(violated);
    const first = long.properties[0];
    const flow = first?.flows?.[1];
    if (first && flow) first.flows = Array.from({ length: 20 }, (_, priority) => ({ ...flow, priority }));
    expect(text(long)).toContain('… 8 before these');
    expect(text(long)).toContain('red-a ls_in_l2_lkup 19: ');
    expect(text(long)).not.toContain('red-a ls_in_l2_lkup 7: ');
  });

  it('tells the rules of a policy after the built-in properties', () => {
    const rule = { ...proven, properties: [{ ...(proven.properties[0] as never as object), id: 'https-in' } as never] };
    expect(text(rule)).toContain('✓ https-in                   holds (all packets)\n    a rule of the policy\n');
  });

  it('is coloured for a terminal only', () => {
    expect(text(violated)).not.toContain('\u001b');
    expect(text(violated, true)).toContain('\u001b[31m✗ tenant-isolation');
  });

  it('obeys nothing that a name says', () => {
    expect(text(hostile()).replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
    expect(text(hostile(), true)).not.toContain('\u001b[2J');
    expect(text(hostile())).toContain('\\x1b[2J');
  });
});
