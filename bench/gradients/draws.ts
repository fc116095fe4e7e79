/** Groups of completions as the sampling methods give them, simulated on a distribution over outcomes. */
import type { SamplingMethod } from '../../src/engine/types.js';
import type { Outcome } from './distribution.js';

/** What a group is. */
export interface Group {
  /** `[completions]` outcome of each. */
  drawn: number[];
  /** Nodes of the tree that are forwarded for it, without those of the prompt. */
  nodes: number;
}

/** A uniform number in [0, 1). */
export type Random = () => number;

/** The tree of the outcomes: node 0 is the prompt, every other one a token after its parent. */
export interface OutcomeTree {
  /** `[nodes]` smaller than the node itself. */
  parents: number[];
  /** `[nodes][children]` */
  children: number[][];
  /** `[outcomes]` its last node. */
  leaves: number[];
}

export function treeOf(outcomes: readonly Pick<Outcome, 'ids'>[]): OutcomeTree {
  const tree: OutcomeTree = { parents: [-1], children: [[]], leaves: [] };
  const known = new Map<string, number>();
  for (const { ids } of outcomes) {
    let node = 0;
    for (const token of ids) {
      const key = `${node} ${token}`;
      let child = known.get(key);
      if (child === undefined) {
        known.set(key, (child = tree.parents.length));
        tree.parents.push(node);
        tree.children.push([]);
        tree.children[node]!.push(child);
      }
      node = child;
    }
    tree.leaves.push(node);
  }
  return tree;
}

/**
 * @param probabilities `[outcomes]` of the distribution that is drawn from
 * @param size completions
 */
export function groupOf(
  { method, coverage }: { method: SamplingMethod; coverage: number },
  tree: OutcomeTree,
  probabilities: readonly number[],
  size: number,
  random: Random,
): Group {
  const gumbel = () => -Math.log(-Math.log(random()));
  switch (method) {
    case 'independent': {
      const drawn = Array.from({ length: size }, () => drawFrom(probabilities, random));
      return { drawn, nodes: nodesOf(drawn, tree) };
    }
    case 'without_replacement': {
      // A node has the greatest of the scores below it, so the search finds the greatest of all.
      const scores = probabilities.map((p) => Math.log(p) + gumbel());
      return beamSearch(tree, scores, size, -Infinity, Math.max, (all) => all.length);
    }
    case 'most_probable':
      return beamSearch(
        tree,
        probabilities,
        size,
        0,
        (a, b) => a + b,
        (scores) => enough(scores, coverage),
      );
  }
}

/**
 * @param scores `[outcomes]`
 * @param join score of a node from those of its children, beginning with `nothing`
 * @param most how many of the best paths are kept, by their scores
 */
function beamSearch(
  { parents, children, leaves }: OutcomeTree,
  scores: readonly number[],
  size: number,
  nothing: number,
  join: (a: number, b: number) => number,
  most: (scores: readonly number[]) => number,
): Group {
  const scoreOf = new Float64Array(parents.length).fill(nothing);
  leaves.forEach((leaf, y) => (scoreOf[leaf] = scores[y]!));
  for (let node = parents.length - 1; node > 0; node--)
    scoreOf[parents[node]!] = join(scoreOf[parents[node]!]!, scoreOf[node]!);
  const running = (node: number) => children[node]!.length > 0;
  let paths = [0];
  let nodes = -1; // without that of the prompt
  while (paths.some(running)) {
    nodes += paths.filter(running).length;
    const all = paths.flatMap((node) => (running(node) ? children[node]! : [node]));
    all.sort((a, b) => scoreOf[b]! - scoreOf[a]!);
    const best = all.slice(0, size);
    paths = best.slice(0, most(best.map((node) => scoreOf[node]!)));
  }
  const outcomes = paths.map((leaf) => leaves.indexOf(leaf));
  // Fewer outcomes than completions: the best ones are there again.
  return {
    drawn: Array.from({ length: size }, (_, i) => outcomes[i % outcomes.length]!),
    nodes,
  };
}

/** How many of the most probable paths are kept: as native/sample/beam.cc drops them. */
function enough(probabilities: readonly number[], coverage: number): number {
  let room = (probabilities.reduce((sum, p) => sum + p, 0) - coverage) / 2;
  let count = probabilities.length;
  while (count > 1 && (room -= probabilities[count - 1]!) >= 0) count--;
  return count;
}

function drawFrom(probabilities: readonly number[], random: Random): number {
  let u = random();
  const y = probabilities.findIndex((p) => (u -= p) < 0);
  return y < 0 ? probabilities.length - 1 : y;
}

/** Nodes of the tree of these outcomes; a last token is never forwarded. */
function nodesOf(drawn: readonly number[], { parents, leaves }: OutcomeTree): number {
  const nodes = new Set<number>();
  for (const y of drawn)
    for (let node = parents[leaves[y]!]!; node > 0; node = parents[node]!) nodes.add(node);
  return nodes.size;
}
