/** Names that files have in a model's repository, and so in its folder. */
export const WEIGHTS = 'model.safetensors';
/** Where the weights are in several files. */
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** Of an adapter (LoRA), by PEFT's names. */
export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
