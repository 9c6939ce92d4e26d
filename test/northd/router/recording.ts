/** What ovn-northd answered, kept in files: by router and stage, one flow a line. */
import type { Flow } from '../../oracle/compare.ts';

/** Flows by router's name and by `PIPELINE TABLE STAGE`; the rest of a flow is one string with tabs. */
type Recording = Record<string, Record<string, string[]>>;

export function recordingUrl(name: string): URL {
  return new URL(`recordings/${name}.json`, import.meta.url);
}

/** `flows` as the text of a recording, in an order that does not depend on theirs. */
export function formatRecording(flows: readonly Flow[]): string {
  const recording: Recording = {};
  for (const { datapath, pipeline, table, stage, ...flow } of flows) {
    const key = `${pipeline} ${table} ${stage}`;
    recording[datapath] ??= {};
    recording[datapath][key] ??= [];
    const { priority, match, actions, source, hint = '', controllerMeter = '' } = flow;
    recording[datapath][key].push([priority, match, actions, source, hint, controllerMeter].join('\t'));
  }
  const routers = sorted(recording).map(([router, stages]) => {
    const lists = sorted(stages).map(([stage, lines]) => list(stage, lines.sort()));
    return `  ${JSON.stringify(router)}: {\n${lists.join(',\n')}\n  }`;
  });
  return `{\n${routers.join(',\n')}\n}\n`;
}

/** A list on one line if it has room there: the formatter of the project's files would have it so. */
function list(stage: string, lines: readonly string[]): string {
  const start = `    ${JSON.stringify(stage)}: [`;
  const quoted = lines.map((line) => JSON.stringify(line));
  const short = `${start}${quoted.join(', ')}]`;
  return short.length < 120 ? short : `${start}\n      ${quoted.join(',\n      ')}\n    ]`;
}

function sorted<T>(object: Record<string, T>): [string, T][] {
  return Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The flows that a recording's text holds. */
export function parseRecording(text: string): Flow[] {
  const recording: Recording = JSON.parse(text);
  return Object.entries(recording).flatMap(([datapath, stages]) =>
    Object.entries(stages).flatMap(([key, lines]) => {
      const [pipeline, table, stage] = key.split(' ');
      return lines.map((line) => {
        const [priority, match, actions, source, hint, controllerMeter] = line.split('\t');
        return {
          datapath,
          pipeline: pipeline === 'ingress' ? ('ingress' as const) : ('egress' as const),
          table: Number(table),
          stage,
          priority: Number(priority),
          match,
          actions,
          source,
          ...(hint !== '' && { hint }),
          ...(controllerMeter !== '' && { controllerMeter }),
        };
      });
    }),
  );
}
