import t from 'tap'
import { createOwn } from './rig.ts'
import { upstreamContract } from './upstream-contract.ts'

upstreamContract(t, createOwn)
