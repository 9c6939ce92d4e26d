/** The plan of a node for a command that needs one. */
import type { OffloadPlan } from '../../engine/offload/plan.ts';
import { SpaceFull } from '../../engine/sets/index.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { conclude, status } from '../command.ts';
import { openProgress } from '../progress.ts';
import type { Subject } from './subject.ts';

/** Plans; where the network is too large that is said, the exit status is set, and there is no plan. */
export function planned(subject: Subject): OffloadPlan | undefined {
  const progress = openProgress();
  try {
    return planOffload({ ...subject, onProgress: (what) => progress.show(what) });
  } catch (error) {
    if (!(error instanceof SpaceFull)) throw error;
    process.stderr.write(
      `lflow: the packets of ${subject.node} need more memory than there may be; nothing is planned\n`,
    );
    conclude(status.unknown);
    return undefined;
  } finally {
    progress.close();
  }
}
