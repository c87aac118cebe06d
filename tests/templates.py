"""WorkflowTemplates for tests."""

from __future__ import annotations

TRAIN = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: text-clf-yaml
  labels:
    scenarios.ai.sap.com/id: text-clf
    ai.sap.com/version: 1.10
  annotations:
    artifacts.ai.sap.com/data.kind: dataset
    artifacts.ai.sap.com/text-model.kind: model
spec:
  entrypoint: main
  arguments:
    parameters:
      - name: learning-rate
      - name: epochs
        value: 010
      - {name: note, default: ""}
  templates:
    - name: main
      steps:
        - - {name: read, template: read}
        - - name: train
            template: train
            arguments:
              artifacts: [{name: table, from: "{{steps.read.outputs.artifacts.table}}"}]
    - name: read
      inputs:
        artifacts:
          - {name: data, path: /data}
          - {name: old, path: /old, optional: true}
      outputs: {artifacts: [{name: table, path: /table}]}
      container: {image: x, command: [read]}
    - name: train
      inputs: {artifacts: [{name: table, path: /table}]}
      outputs:
        artifacts:
          - {name: model, globalName: text-model, path: /model, archive: {none: {}}}
      container: {image: x, command: [train]}
"""
