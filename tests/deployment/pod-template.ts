import type { IDaemonSet } from 'kubernetes-models/apps/v1';
import type { IContainer, IPodSpec, IVolume, IVolumeMount } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { readDeployFile } from './deploy-file.ts';

/** The documents of the manifest, as they are. */
export function readManifest(text: string = readDeployFile('hatchery-daemonset.yaml')): unknown[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw error;
    return document.toJS() as unknown;
  });
}

export interface PodTemplate {
  readonly daemonSet: IDaemonSet;
  readonly pod: IPodSpec;
  readonly container: IContainer;
  /** Where each volume is mounted, and what it is. */
  readonly mounts: readonly { readonly mount: IVolumeMount; readonly volume: IVolume | undefined }[];
}

/** What the DaemonSet starts on each node. */
export function podTemplate(documents: readonly unknown[] = readManifest()): PodTemplate {
  const daemonSet = documents.find((document) => (document as IDaemonSet).kind === 'DaemonSet') as IDaemonSet;
  const pod = daemonSet.spec?.template.spec;
  const container = pod?.containers[0];
  if (pod === undefined || pod === null || container === undefined) throw new Error('the DaemonSet has no container');
  const mounts = (container.volumeMounts ?? []).map((mount) => ({
    mount,
    volume: pod.volumes?.find(({ name }) => name === mount.name),
  }));
  return { daemonSet, pod, container, mounts };
}
