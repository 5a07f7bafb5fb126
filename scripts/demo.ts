/** Usage: npm run demo [-- DATA_DIR] */
import { demo } from '../local/demo.ts';

process.exitCode = await demo(process.argv[2] ?? process.env.FIXGATE_DATA_DIR ?? '.fixgate');
