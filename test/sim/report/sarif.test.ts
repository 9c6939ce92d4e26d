import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { sarifReport } from '../../../sim/report/sarif.ts';
import { hostile, properties, proven, violated } from './sample.ts';

/** What of the schema of SARIF 2.1.0 (OASIS, sarif-schema-2.1.0.json) is about objects that reports have. */
const text = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string' }, markdown: { type: 'string' } },
};
const artifact = { type: 'object', properties: { uri: { type: 'string', pattern: '^[!#-;=?-Z_a-z~%]*$' } } };
const region = {
  type: 'object',
  properties: { startLine: { type: 'integer', minimum: 1 }, startColumn: { type: 'integer', minimum: 1 } },
};
const location = {
  type: 'object',
  additionalProperties: false,
  properties: {
    id: { type: 'integer', minimum: -1 },
    physicalLocation: {
      type: 'object',
      additionalProperties: false,
      required: ['artifactLocation'],
      properties: { artifactLocation: artifact, region },
    },
    logicalLocations: {
      type: 'array',
      items: { type: 'object', properties: { fullyQualifiedName: { type: 'string' } }, additionalProperties: false },
    },
    message: text,
  },
};
const levels = { enum: ['none', 'note', 'warning', 'error'] };
const result = {
  type: 'object',
  additionalProperties: false,
  required: ['message'],
  properties: {
    ruleId: { type: 'string' },
    ruleIndex: { type: 'integer', minimum: 0 },
    kind: { enum: ['notApplicable', 'pass', 'fail', 'review', 'open', 'informational'] },
    level: levels,
    message: text,
    locations: { type: 'array', items: location },
    relatedLocations: { type: 'array', items: location },
    partialFingerprints: { type: 'object', additionalProperties: { type: 'string' } },
    suppressions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['kind'],
        properties: {
          kind: { enum: ['inSource', 'external'] },
          status: { enum: ['accepted', 'underReview', 'rejected'] },
        },
      },
    },
    codeFlows: {
      type: 'array',
      items: {
        type: 'object',
        required: ['threadFlows'],
        properties: {
          threadFlows: {
            type: 'array',
            minItems: 1,
            items: {
              type: 'object',
              required: ['locations'],
              properties: {
                locations: { type: 'array', minItems: 1, items: { type: 'object', properties: { location } } },
              },
            },
          },
        },
      },
    },
    properties: { type: 'object' },
  },
};
const rule = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  properties: {
    id: { type: 'string' },
    shortDescription: text,
    fullDescription: text,
    help: text,
    helpUri: { type: 'string', pattern: '^https?://' },
    defaultConfiguration: { type: 'object', properties: { level: levels } },
  },
};
const log = {
  type: 'object',
  additionalProperties: false,
  required: ['version', 'runs'],
  properties: {
    $schema: { type: 'string' },
    version: { const: '2.1.0' },
    runs: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['tool'],
        properties: {
          tool: {
            type: 'object',
            required: ['driver'],
            properties: {
              driver: {
                type: 'object',
                required: ['name'],
                properties: { name: { type: 'string' }, rules: { type: 'array', uniqueItems: true, items: rule } },
              },
            },
          },
          columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
          results: { type: 'array', items: result },
          properties: { type: 'object' },
        },
      },
    },
  },
};
const isSarif = new Ajv({ strict: false }).compile(log);

function report(of: typeof violated) {
  const parsed = JSON.parse(sarifReport(of, { properties, version: '1.2.3' }));
  isSarif(parsed);
  expect(isSarif.errors).toBeNull();
  const [run] = parsed.runs;
  return { driver: run.tool.driver, results: run.results };
}

describe('the report for code hosts', () => {
  it('is valid, whatever names there are', () => {
    report(proven);
    report(violated);
    report(hostile());
  });

  it('has a rule for each property that was asked for, with words and a link', () => {
    const { driver } = report(violated);
    expect(driver.version).toBe('1.2.3');
    expect(driver.rules.map(({ id }: { id: string }) => id)).toEqual(properties.slice(0, 5).map(({ id }) => id));
    expect(driver.rules[0]).toEqual({
      id: 'tenant-isolation',
      shortDescription: { text: 'Nothing that one VPC sends arrives in another.' },
      fullDescription: { text: 'lflow proves for all packets: nothing that one VPC sends arrives in another.' },
      help: {
        text: 'lflow proves for all packets: nothing that one VPC sends arrives in another. More: https://example.org/tenant',
        markdown:
          'lflow proves for all packets: nothing that one VPC sends arrives in another. [More](https://example.org/tenant)',
      },
      helpUri: 'https://example.org/tenant',
      defaultConfiguration: { level: 'error' },
    });
    expect(driver.rules[1]).not.toHaveProperty('helpUri');
    expect(driver.rules[1].help.text).toMatch(/ More: docs\/properties\/no-loop\.md$/);
    expect(driver.rules[2].help.text).not.toContain('More');
  });

  it('has a result for each subject, with its kind and level', () => {
    const { results, driver } = report(violated);
    const told = results.map(({ ruleIndex, kind, level, suppressions }: Record<string, never>) => [
      driver.rules[ruleIndex].id,
      kind,
      level,
      suppressions !== undefined,
    ]);
    expect(told).toEqual([
      ['tenant-isolation', 'fail', 'error', false],
      ['tenant-isolation', 'pass', 'none', false],
      ['no-loop', 'pass', 'none', false],
      ['nat-unique', 'notApplicable', 'none', false],
      ['dhcp-served', 'open', 'none', false],
      ['acl-effective', 'fail', 'error', false],
      ['acl-effective', 'fail', 'error', true],
      ['acl-effective', 'fail', 'warning', false],
    ]);
  });

  it('points at the lines of the manifests and at the flows on the way', () => {
    const [first] = report(violated).results;
    const physicalLocation = { artifactLocation: { uri: 'red.yaml' }, region: { startLine: 12, startColumn: 3 } };
    expect(first.locations).toEqual([{ physicalLocation, logicalLocations: [{ fullyQualifiedName: 'red to blue' }] }]);
    expect(first.message.text).toBe(`red to blue: a packet of red arrives in blue
Packet: icmp echo request 10.1.0.2 > 10.1.0.9, from 02:00:00:00:00:01 to 02:00:00:00:00:02; it goes into red-a-vf2@n0.`);
    const [step, ...more] = first.codeFlows[0].threadFlows[0].locations;
    expect(more).toEqual([]);
    expect(step.location).toEqual({
      physicalLocation,
      logicalLocations: [{ fullyQualifiedName: 'red-a/ls_in_l2_lkup' }],
      message: { text: 'red-a ls_in_l2_lkup 50: eth.dst == 02:00:00:00:00:02 → outport = "x"; output;' },
    });
    expect(first.partialFingerprints).toEqual({ 'subject/v1': 'tenant-isolation red to blue' });
  });

  it('writes files as addresses, and leaves out standard input', () => {
    const at = (file: string) => {
      const [finding] = violated.properties;
      const source = [{ file, line: 1, column: 1 }];
      const [result] = report({ ...violated, properties: [{ ...finding, source } as never] }).results;
      return result.locations[0].physicalLocation?.artifactLocation.uri;
    };
    expect(at('./a b/ü"<>.yaml')).toBe('a%20b/%C3%BC%22%3C%3E.yaml');
    expect(at('/etc/x.yaml')).toBe('file:///etc/x.yaml');
    expect(at('-')).toBeUndefined();
  });
});
