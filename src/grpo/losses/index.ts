export { entropyThreshold, onPolicy } from './masks.js';
export { policyLoss } from './policy-loss.js';
export { SURROGATES } from './surrogates.js';
export * from './types.js';
