import { validate as validateDaemonSet } from 'kubernetes-models/_schemas/IoK8sApiAppsV1DaemonSet';
import { validate as validateNamespace } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Namespace';
import { expect, test } from 'vitest';
import { readDeployFile } from './deploy-file.ts';
import { podTemplate, readManifest } from './pod-template.ts';
import { unknownFields } from './unknown-fields.ts';

/** Kubernetes 1.34's own schemas, as the package kubernetes-models has compiled them from its OpenAPI. */
const schemas: Readonly<Record<string, ((data: unknown) => boolean) & { errors?: unknown[] | null }>> = {
  'apps/v1 DaemonSet': validateDaemonSet,
  'v1 Namespace': validateNamespace,
};

interface Described {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** What the API server would refuse of a manifest. */
function faultsOf(text: string): string[] {
  return readManifest(text).flatMap((document) => {
    const { apiVersion, kind } = document as Described;
    const validate = schemas[`${apiVersion} ${kind}`];
    if (validate === undefined) return [`${apiVersion} ${kind} is none of ${Object.keys(schemas).join(', ')}`];
    let errors: unknown[] = [];
    const unknown = unknownFields(document, (seen) => {
      if (!validate(seen)) errors = validate.errors ?? [];
    });
    return [
      ...errors.map((error) => {
        const { instancePath, keyword } = error as { instancePath: string; keyword: string };
        return `${instancePath}: ${keyword}`;
      }),
      ...unknown.map((path) => `${path}: unknown`),
    ];
  });
}

const text = readDeployFile('hatchery-daemonset.yaml');

// Mutation: in the manifest `priviledged`, `containerPort: "3000"`, `apps/v1beta1`, no selector.
test('Kubernetes takes the manifest: every field known, of its type, and none missing that has to be there', () => {
  expect(faultsOf(text)).toEqual([]);
  const container = '/spec/template/spec/containers/0';
  expect(faultsOf(text.replace('privileged: true', 'priviledged: true'))).toEqual([
    `${container}/securityContext/priviledged: unknown`,
  ]);
  expect(faultsOf(text.replace('containerPort: 3000', 'containerPort: "3000"'))).toContain(
    `${container}/ports/0/containerPort: type`,
  );
  expect(faultsOf(text.replace(/ {2}selector:\n.*\n.*\n/, ''))).toContain('/spec: required');
  expect(faultsOf(text.replace('apps/v1', 'apps/v1beta1'))[0]).toContain('apps/v1beta1 DaemonSet is none of');
});

// Mutation: another label in the selector; a volume left out; updateStrategy left out.
test('its pods are found by its selector, have every volume that they mount, and end by nobody’s decision but the operator’s', () => {
  const { daemonSet, pod, container, mounts } = podTemplate();
  const [namespace] = readManifest() as Described[];
  expect(daemonSet.metadata?.namespace).toBe(namespace?.metadata.name);
  expect(daemonSet.spec?.template.metadata?.labels).toMatchObject(daemonSet.spec?.selector.matchLabels ?? { none: '' });
  expect(mounts.filter(({ volume }) => volume === undefined)).toEqual([]);
  expect(pod.volumes?.map(({ name }) => name)).toEqual(mounts.map(({ mount }) => mount.name));
  expect(daemonSet.spec?.updateStrategy?.type).toBe('OnDelete');
  expect(container).not.toHaveProperty('livenessProbe');
  // Otherwise HATCHERY_PORT would be `tcp://…` as soon as there is a service of that name, and the server not start.
  expect(pod).toMatchObject({ enableServiceLinks: false, automountServiceAccountToken: false });
  const named = container.ports?.map(({ name }) => name);
  for (const probe of [container.startupProbe, container.readinessProbe]) expect(named).toContain(probe?.httpGet?.port);
});
