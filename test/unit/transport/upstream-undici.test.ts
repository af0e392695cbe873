import t from 'tap'
import { createWithUndici } from './rig.ts'
import { upstreamContract } from './upstream-contract.ts'

upstreamContract(t, createWithUndici)
