// Package aks makes a bare control plane look like an AKS cluster with the
// Istio add-on: its nodes, its mesh, and the add-on's behaviour when Azure
// switches the redirection mechanism.
package aks
