/** Options that are a number of something. */
import { InvalidArgumentError, Option } from 'commander';

/** More than this nobody means. */
const most = 1024;

/** An option that is a whole number from 1 on. */
export const countOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text) => {
    const count = /^\d+$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > most) throw new InvalidArgumentError(`It is to be a whole number from 1 to ${most}.`);
    return count;
  });
