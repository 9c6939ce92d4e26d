/** `lflow doctor`: what this machine has for carrying packets, and what is missing. */
import { Command } from 'commander';
import { type Ability, abilitiesOf, type Finding, findingsOf } from '../../native/findings.ts';
import { detect } from '../../native/index.ts';
import { emit, formatOption, type OutputOptions, outputOption, packageVersion } from '../command.ts';

interface Options extends OutputOptions {
  format: 'text' | 'json';
}

export default function define(): Command {
  return new Command('doctor')
    .description(
      'Says what this machine has for carrying packets and offloading flows, why each thing matters, and what to do ' +
        'where it is missing. Nothing on the machine is changed, and the exit status is 0 on a bare machine too: ' +
        'flows can be computed, verified and traced anywhere.',
    )
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .action(async (options: Options) => {
      const detection = detect();
      const findings = findingsOf(detection);
      const abilities = abilitiesOf(findings);
      const versions = { lflow: packageVersion(), node: process.version };
      const machine = detection.addon === 'missing' ? null : detection.machine;
      const text =
        options.format === 'json'
          ? `${JSON.stringify({ ...versions, addon: detection.addon, abilities, findings, machine }, null, 2)}\n`
          : report(findings, abilities, `lflow ${versions.lflow} on Node.js ${versions.node}`);
      await emit(text, options);
    });
}

/** The table of findings, and under it what they allow. */
export function report(findings: readonly Finding[], abilities: readonly Ability[], title: string): string {
  const width = Math.max(...findings.map((finding) => finding.name.length));
  const indent = ' '.repeat('missing'.length + width + 4);
  const lines = findings.flatMap((finding) => [
    `${finding.state.padEnd('missing'.length)}  ${finding.name.padEnd(width)}  ${finding.found}`,
    `${indent}for: ${finding.why}`,
    ...(finding.todo ? [`${indent}do:  ${finding.todo}`] : []),
  ]);
  const can = abilities.map((ability) => `  ${verdict(ability)}`);
  return [title, '', ...lines, '', 'What this machine is ready for', ...can, ''].join('\n');
}

function verdict(ability: Ability): string {
  if (ability.able) return `yes  ${ability.name}`;
  return `no   ${ability.name} (see ${ability.lacks.join(', ')})`;
}
