/** In place of the process that runs the parts of `doctor --gpu`: what each part does is its name. */
const figure = { what: 'process', value: process.pid };

process.on('message', ({ part }) => {
  process.send({ type: 'figure', figure });
  const [what] = part.split(' ');
  if (what === 'passes') process.send({ type: 'done' });
  if (what === 'wrong') {
    process.send({ type: 'figure', figure: { what: 'error', value: 2, at_most: 1, passed: false } });
    process.send({ type: 'done' });
  }
  if (what === 'missing') process.send({ type: 'done', notRun: 'there is none' });
  if (what === 'throws') {
    const error = { code: 'DEVICE_LOST', message: 'the GPU is lost', fix: 'start anew', exitCode: 2 };
    process.send({ type: 'failed', error }, () => process.disconnect());
  }
  if (what === 'crashes')
    process.send({ type: 'figure', figure }, () => process.kill(process.pid, 'SIGSEGV'));
});
