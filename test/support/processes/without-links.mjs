/** Loaded before a program: as on a file system that has no hard links. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const refused = () => Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
fs.linkSync = () => {
  throw refused();
};
fs.link = (from, to, done) => done(refused());
fs.promises.link = () => Promise.reject(refused());
syncBuiltinESMExports();
