/**
 * Which files of tests have to run again, by vitest's JSON report: those whose process died, where no test failed. A process
 * that dies (Node.js itself, or its memory) says nothing about its tests, and vitest does not name their file.
 *
 *     node scripts/unfinished.js report.json
 *
 * Prints the files, each on a line of its own. Exit status: 0 where there are any, 1 where a test failed or there is none.
 */
import { readFileSync } from 'node:fs';

const [report = ''] = process.argv.slice(2);
/** @typedef {{ name: string, status: string, assertionResults: { status: string }[] }} FileResult */
/** @type {{ numFailedTests: number, testResults: FileResult[] }} */
const { numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
/** @param {FileResult} file */
const isFinished = ({ status, assertionResults }) =>
  status === 'passed' && assertionResults.length > 0 && assertionResults.every((one) => one.status !== 'pending');
const files = testResults.filter((file) => !isFinished(file)).map(({ name }) => name);
if (numFailedTests > 0 || files.length === 0) process.exit(1);
process.stdout.write(`${files.join('\n')}\n`);
