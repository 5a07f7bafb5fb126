/** The protocol of a custom resource of CloudFormation: an event in, the answer put to a presigned address. */
import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse } from 'aws-lambda';

/** What a resource made of an event: values that the template may ask for. Never a secret. */
export type Outcome = Readonly<Record<string, string | number>>;

const ANSWER_WITHIN_MS = 5_000;
/** CloudFormation refuses an answer above 4 KiB. */
const MAX_REASON = 1_000;

/** Runs `work` and answers, whatever comes of it: a stack that gets no answer waits for an hour. Rejects when the answer cannot be put. */
export async function answering(
  event: CloudFormationCustomResourceEvent,
  physicalId: string,
  work: () => Promise<Outcome>,
): Promise<void> {
  const { StackId, RequestId, LogicalResourceId } = event;
  const common = { PhysicalResourceId: physicalId, StackId, RequestId, LogicalResourceId };
  let answer: CloudFormationCustomResourceResponse;
  try {
    answer = { ...common, Status: 'SUCCESS', Data: { ...(await work()) } };
  } catch (error) {
    answer = { ...common, Status: 'FAILED', Reason: (error as Error).message.slice(0, MAX_REASON) };
  }
  const body = JSON.stringify(answer);
  const response = await fetch(event.ResponseURL, {
    method: 'PUT',
    // The address is signed without a content type.
    headers: { 'content-type': '' },
    body,
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (!response.ok) throw new Error(`CloudFormation took no answer: ${response.status}`);
}
