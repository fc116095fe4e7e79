/** The process of `setup --mpi`'s trial: prints what MPI it is, if all ranks find each other. */
import { startRanks } from './ranks.js';

const ranks = await startRanks();
const numbers = await ranks?.all(() => Promise.resolve(ranks.rank));
if (ranks?.rank === 0) process.stdout.write(`${JSON.stringify({ numbers, library: ranks.library })}\n`);
