/**
 * The verdict in all its forms: for people (text, HTML), programs (JSON), build
 * servers (JUnit's XML) and code hosts (SARIF).
 */
import type { Verification } from '../verdict.ts';
import { type HtmlOptions, htmlReport } from './html.ts';
import { jsonReport } from './json.ts';
import { junitReport } from './junit.ts';
import { sarifReport } from './sarif.ts';
import { type TextOptions, textReport } from './text.ts';

export { type HtmlOptions, htmlReport } from './html.ts';
export { jsonReport } from './json.ts';
export { junitReport } from './junit.ts';
export {
  type NetworkVerdict,
  networksConclusion,
  networksJson,
  networksJunit,
  networkText,
  type UnreadNetwork,
  verdictOfAll,
} from './networks.ts';
export type { PropertyText, ReportOptions } from './options.ts';
export { type Picture, type PictureNode, pictureOf } from './picture.ts';
export { sarifReport } from './sarif.ts';
export { type TextOptions, textReport } from './text.ts';

export const reportFormats = ['text', 'json', 'junit', 'sarif', 'html'] as const;

export type ReportFormat = (typeof reportFormats)[number];

/** The report in one of the forms, with a newline at its end. */
export function report(format: ReportFormat, verification: Verification, options: TextOptions & HtmlOptions): string {
  switch (format) {
    case 'text':
      return textReport(verification, options);
    case 'json':
      return jsonReport(verification);
    case 'junit':
      return junitReport(verification, options);
    case 'sarif':
      return sarifReport(verification, options);
    case 'html':
      return htmlReport(verification, options);
  }
}
