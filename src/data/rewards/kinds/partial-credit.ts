/** `partial_credit`: the journal's, for arithmetic. */
import { z } from 'zod';
import { partialCredit } from '../partial-credit.js';
import { rewardKind } from '../types.js';

/** It reads answers as the task does, which says what is right. */
export const partialCreditKind = rewardKind({
  example: 'partial_credit',
  options: z.strictObject({}),
  make: () => ({ reward: partialCredit }),
});
